"""Labels as WebDataset has them: members of an archive that share the name up to its first dot.

`0001.jpg`, `0001.cls` and `0001.json` are one sample. `.cls` (or `.cls.txt`) holds the class, a
number or a name; without it, a `.json` object holds it under one of the usual words. Captions
(`.txt`) are no classes. An image with more than one ending (`0001.mask.png`) is a further picture
of its sample, not a sample.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.core.strict_json import parse
from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.data.contained import Members
    from bottleneck.data.patterns import Patterns

CLASS_ENDINGS = (b"cls", b"cls.txt", b"cls.json")
WORDS = ("label", "class", "cls", "class_name", "label_name", "category")
MAX_BYTES = 1 << 20  # of a label's file


def labels(containers: Sequence[Members], where: str) -> list[dict[bytes, str]] | None:
    """Return each container's labels by the key of the image, "" where there is none.

    None where no container has a label beside an image.
    """
    found = [_labels_of(members, where, is_strict=True) for members in containers]
    return found if any(found) else None


def beside(
    containers: Sequence[Members],
    places: Sequence[tuple[int, bytes]],
    labels: NDArray[np.int32],
    classes: Sequence[str],
    layout: str,
    where: str,
) -> tuple[str, ...]:
    """Return the note that what lies beside the images says the same classes as their folders.

    Nothing where no image has such a thing beside it.

    Parameters
    ----------
    places : of each image, the number of its container and its key there
    labels, classes : those of the folders
    layout : of the folders

    Raises
    ------
    DataError
        When it says others.
    """
    there = [_labels_of(members, where, is_strict=False) for members in containers]
    texts = [there[at].get(key, "") for at, key in places]
    pairs = {(n, text) for n, text in zip(labels.tolist(), texts, strict=True) if text}
    if not pairs:
        return ()
    folders, others = {n for n, _ in pairs}, sorted({text for _, text in pairs})
    if len(folders) == len(others) == len(pairs):
        return ("what lies beside the images under their names (WebDataset) says the same classes",)
    layout = layout or "{class}/*"
    raise DataError(
        f"its folders say {len(classes)} classes ({_some(classes)}), and what lies beside the "
        f"images under their names (WebDataset) says {len(others)} others ({_some(others)})",
        where,
        f"say --layout '{layout}' for those of the folders, or --layout "
        f"'{layout.replace('{class}', '{ignore}')}' for those beside the images",
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:3])) + (", …" if len(names) > 3 else "")


def drop_further_pictures(
    containers: Sequence[Members], prefixes: Sequence[bytes], patterns: Patterns, where: str
) -> None:
    """Take images with several endings out of the containers, but those that are a sample's own.

    `0001.mask.png` is a further picture of `0001`; `n01.0.jpg` beside `n01.0.cls` is a sample, and
    so is `0001.left.png` where it is the only picture of `0001` that counts, or was asked for.

    Raises
    ------
    DataError
        For a sample of several pictures, of which none has the sample's name alone.
    """
    for members, prefix in zip(containers, prefixes, strict=True):
        own = {_own_stem(key) for key in members.others if _class_ending(key)}
        pictures: dict[bytes, list[bytes]] = {}
        for key in members.images:
            if patterns.keeps(prefix + key):
                pictures.setdefault(stem(key), []).append(key)
        for found in pictures.values():
            further = [k for k in found if b"." in _endings(k) and _without_ending(k) not in own]
            if len(further) < len(found):
                for key in further:
                    del members.images[key]
            elif len(found) > 1 and not _are_asked_for(further, patterns):
                raise _several_pictures(further, where)


def _are_asked_for(pictures: Sequence[bytes], patterns: Patterns) -> bool:
    """Whether --include names each of these pictures by its endings."""
    asked = [pattern.lower() for pattern in patterns.include]
    endings = [os.fsdecode(b"." + _endings(key)) for key in pictures]
    return all(any(pattern.endswith(ending) for pattern in asked) for ending in endings)


def _several_pictures(pictures: Sequence[bytes], where: str) -> DataError:
    each = [f"--include '*.{printable(os.fsdecode(_endings(key)))}'" for key in pictures]
    ways = list(dict.fromkeys(each))[:4]
    return DataError(
        f"{', '.join(map(show_key, pictures))} are pictures of one sample (WebDataset), and none "
        "is called as the sample alone",
        where,
        f"say which count: {', or '.join([*ways, ' '.join(ways)])}",
    )


def of_label(key: bytes, content: bytes) -> bytes:
    """Return what is read of a file that may be a label: of a JSON object, the label in it."""
    if _class_ending(key):
        return content
    try:
        fields = parse(content)
    except ValueError:
        return content
    return json.dumps({word: fields[word] for word in WORDS if word in fields}).encode()


def may_be_label(key: bytes) -> bool:
    """Whether a member may be the label of a sample, by its ending."""
    return key.lower().endswith((b".json", *(b"." + ending for ending in CLASS_ENDINGS)))


def says_class(path: Path) -> bool:
    """Whether a file that lies beside an image says a class."""
    key = os.fsencode(path.name)
    try:
        with path.open("rb") as file:
            return _text(file.read(MAX_BYTES), _class_ending(key) or b"json", key, "") is not None
    except (OSError, DataError):
        return False


def _labels_of(members: Members, where: str, *, is_strict: bool) -> dict[bytes, str]:
    """Return the labels of a container's images.

    Not `is_strict`: where folders are the classes, a `.json` need not hold one.
    """
    beside: dict[bytes, dict[bytes, Any]] = {}
    for key, place in members.others.items():
        ending = _class_ending(key)
        if ending:
            beside.setdefault(_own_stem(key), {})[ending] = place
        elif _endings(key) == b"json":
            beside.setdefault(stem(key), {})[b"json"] = place
    texts: dict[bytes, str] = {}
    for key in members.images:
        fields = beside.get(_without_ending(key)) or beside.get(stem(key), {})
        for ending in [each for each in (*CLASS_ENDINGS, b"json") if each in fields][:1]:
            content: Any = members.content(fields[ending])
            try:
                text = _text(bytes(content), ending, key, where)
            except DataError:
                if is_strict or ending != b"json":
                    raise
                text = None
            if text is not None:
                texts[key] = text
    return texts


def _class_ending(key: bytes) -> bytes:
    """Return the ending of a file that holds a class; nothing for any other."""
    name = key.lower()
    return max((each for each in CLASS_ENDINGS if name.endswith(b"." + each)), key=len, default=b"")


def _own_stem(key: bytes) -> bytes:
    """Return the key of a file that holds a class without its ending."""
    return key[: -len(_class_ending(key)) - 1]


def _without_ending(key: bytes) -> bytes:
    """Return a key without what stands behind the last dot of its file name."""
    return key[: key.rfind(b".")] if b"." in key[key.rfind(b"/") + 1 :] else key


def _text(content: bytes, ending: bytes, key: bytes, where: str) -> str | None:
    """Return a label; None where a JSON object does not speak of one."""
    try:
        if len(content) > MAX_BYTES:
            raise ValueError("too long")
        if ending in (b"cls", b"cls.txt"):
            return content.decode().strip()
        if ending == b"cls.json":
            value = json.loads(content)
        else:
            fields = parse(content)
            word = next((word for word in WORDS if word in fields), None)
            if word is None:
                return None
            value = fields[word]
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(json.dumps(value)[:40])  # noqa: TRY004 - one error for all bad labels
    except ValueError as error:
        raise DataError(
            f"the label beside {show_key(key)} is neither a name nor a whole number",
            where,
            "write one class a sample, as NAME.cls",
        ) from error
    return str(value).strip()


def stem(key: bytes) -> bytes:
    """Return a key up to the first dot of its file name."""
    folder, name = key[: key.rfind(b"/") + 1], key[key.rfind(b"/") + 1 :]
    return folder + name.split(b".", 1)[0]


def _endings(key: bytes) -> bytes:
    """Return what follows the first dot of the file name, in small letters."""
    return key[key.rfind(b"/") + 1 :].partition(b".")[2].lower()
