"""Which images have another class or split than was recorded, held against each pair by hand."""

import random
from collections import Counter

import numpy as np
import pytest

from bottleneck.core.sample import NO_LABEL, Samples, Targets, key_array
from bottleneck.pipeline.extraction.relabelled import by_bytes, by_keys, count_changed


def samples(entries, targets=None):
    """Return the samples of (key, image, class or None, split); of image None nothing is known."""
    entries = sorted(entries)
    classes = tuple(sorted({label for _, _, label, _ in entries} - {None}))
    digests = np.zeros((len(entries), 32), np.uint8)
    for row, (_, image, *_) in zip(digests, entries, strict=True):
        row[-1] = image or 0
    return Samples(
        keys=key_array(key.encode() for key, *_ in entries),
        digests=digests,
        known=np.array([image is not None for _, image, *_ in entries]),
        labels=np.array(
            [NO_LABEL if label is None else classes.index(label) for *_, label, _ in entries],
            np.int32,
        ),
        splits=np.array([split for *_, split in entries], np.uint8),
        classes=classes,
        targets=targets,
    )


def misread(before, now):
    """Return for each image how many of its copies have no partner of the same class and split."""
    found = {}
    for image in {image for _, image, *_ in now} - {None}:
        was = [entry[2:] for entry in before if entry[1] == image]
        if not was:
            continue
        read = [entry[2:] for entry in now if entry[1] == image]
        if any(label is None for label, _ in was):  # may get a class
            was, read = [(None, s) for _, s in was], [(None, s) for _, s in read]
        left = Counter(read) - Counter(was)
        if len(read) > len(was):
            left = Counter({each: n for each, n in left.items() if each not in was})
        if left:
            found[image] = left.total()
    return found


def drawn(draw, n):
    return [
        (f"{i:02}", draw.choice([None, 1, 2, 3, 4, 5]), draw.choice(["a", "b", None, "c"]),
         draw.randrange(3))
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_each_copy_of_an_image_is_held_against_another_one(seed):
    draw = random.Random(seed)
    before, now = drawn(draw, draw.randrange(1, 12)), drawn(draw, draw.randrange(1, 12))
    other = by_bytes(samples(before), samples(now))
    assert Counter(now[i][1] for i in other.new.tolist()) == misread(before, now)
    for old, new in zip(other.old.tolist(), other.new.tolist(), strict=True):
        assert before[old][1] == now[new][1]


def test_of_two_copies_the_one_that_was_moved_is_named():
    before = [("test/cat", 1, "cat", 2), ("train/cat", 1, "cat", 0)]
    now = [("a", 1, "cat", 0), ("b", 1, "cat", 0)]
    other = by_bytes(samples(before), samples(now))
    assert (other.old.tolist(), other.new.tolist()) == ([0], [1])


def test_classes_are_compared_by_their_names():
    before = [("0", 1, "b", 0), ("1", 2, "c", 0)]
    now = [("0", 1, "b", 0), ("1", 2, "c", 0), ("2", 3, "a", 0)]
    assert not len(by_bytes(samples(before), samples(now)))
    assert not len(by_keys(samples(before), samples(now)))


@pytest.mark.parametrize("compare", [by_bytes, by_keys])
@pytest.mark.parametrize("kept", [True, False])
def test_labels_of_which_an_image_has_several_are_compared(compare, kept):
    entries = [("0", 1, None, 0), ("1", 2, None, 0)]

    def of(values):
        return Targets(values=np.array(values, np.float32), kind="labels", names=("red", "big"))

    was = of([[1, 0], [1, np.nan]])
    assert not len(compare(samples(entries, was), samples(entries, was)))
    now = of([[1, 0], [1, 1]]) if kept else None
    other = compare(samples(entries, was), samples(entries, now))
    assert other.new.tolist() == ([1] if kept else [0, 1])


def test_an_image_with_other_bytes_under_its_key_has_not_changed_its_class():
    before = [("0", 1, "a", 0), ("1", 2, "a", 0), ("2", 3, "a", 0), ("3", 4, "a", 0)]
    now = [("0", 1, "b", 0), ("1", 9, "b", 0), ("2", 3, "a", 2), ("4", 4, "b", 0)]
    assert count_changed(samples(before), samples(now)) == (1, 1)
