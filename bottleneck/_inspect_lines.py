"""What `bottleneck inspect` shows people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core import console
from bottleneck.core.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOW = {
    "": "",
    "bytes": "same file content",
    "pixels": "same pixels",
    "whole": "edited",
    "mirrored": "mirrored",
    "cut": "cropped",
    "mirrored and cut": "mirrored, cropped",
    "rows": "similar features",
}
DECIDED = {"keep": "kept", "relabel": "relabelled", "drop": "dropped"}
MOST_OF_GROUP = 6  # images of one group


def lines(report: Mapping[str, Any], top: int) -> list[str]:
    """Return the report for people: at most `top` findings of each kind."""
    splits = ", ".join(f"{split} {n:,}" for split, n in report["splits"].items() if n)
    found = [f"{report['source']}: {count(report['images'], 'different image')} ({splits})"]
    found += [f"note: {words}" for words in report["pooled"]]
    if not report["source_seen"]:
        found.append("note: the images themselves were not looked at, only their features")
    if report["decisions"]:
        found.append(_decided(report["decisions"]))
    if not report["neighbours"]["exact"]:
        found.append(f"note: {not_exact(report['neighbours'])}")
    for part, of_part in _PARTS.items():
        if part in report:
            found += ["", *of_part(report[part], top)]
    found += [f"{part}: skipped: {why}" for part, why in report["skipped"].items()]
    return [*found, "", f"{report['seconds']:.1f} s"]


def _decided(told: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{told[word]:,} {said}" for word, said in DECIDED.items())
    unknown = f"; {told['not_found']:,} of other images" if told["not_found"] else ""
    return f"decisions of {told['file']}: {counts}{unknown}"


def not_exact(neighbours: Mapping[str, Any]) -> str:
    """Return how neighbours were found where not all were compared with all."""
    return (
        f"so many images are not all compared with each other: {neighbours['recall_at_10']:.1%} of "
        f"the ten nearest were found, as measured on {neighbours['measured_on']:,} images"
    )


def _same(same: Mapping[str, Any], top: int) -> Iterator[str]:
    groups, counts = same["groups"], same["counts"]
    said = ", ".join(f"{HOW[kind]} {n:,}" for kind, n in counts.items() if n)
    yield f"SAME IMAGES: {count(len(groups), 'group')}{f' ({said})' if said else ''}"
    yield from _leaks(same)
    yield from _cut_groups(same["cut_groups"], top)
    if not groups:
        return
    rows = []
    for number, group in enumerate(groups[:top], 1):
        for image in group["images"][:MOST_OF_GROUP]:
            name, split = image["class"] or "-", image["split"]
            rows.append((number, split, name, image["key"], HOW[image["same_as"]]))
        more = len(group["images"]) - MOST_OF_GROUP
        if more > 0:
            rows.append((number, "", "", f"and {more:,} more", ""))
    yield from console.table([("group", "split", "class", "image", "beside the first"), *rows])
    yield from _rest(len(groups), top)


def _leaks(same: Mapping[str, Any]) -> Iterator[str]:
    """Say which images are on both sides, and what that does to the last run's accuracy."""
    if same["no_leaks"]:
        yield same["no_leaks"]
        return
    if not same["leaks"]:
        yield "no leak: no validation or test image is also a training image"
        return
    yield f"LEAKS: {count(same['leaks'], 'validation or test image')} also in the training split"
    run = same["run"]
    if run is None:
        yield f"what they do to the accuracy of the last run is not known: {same['no_run']}"
    elif run["leaked"] and run["accuracy_without"] is not None:
        judged = f"{run['samples']:,} {run['split']} images"
        without = f"{run['accuracy_without']:.4f} without the {run['leaked']:,} that leaked"
        yield f"run {run['run']}: accuracy {run['accuracy']:.4f} on {judged}; {without}"
    else:
        yield f"run {run['run']}: none of its {run['samples']:,} {run['split']} images leaked"


def _cut_groups(cut: Sequence[Mapping[str, Any]], top: int) -> Iterator[str]:
    """Say which groups of the source are on both sides."""
    if not cut:
        return
    yield (
        f"CUT GROUPS: {count(len(cut), 'group')} of the source in several splits, "
        "of which train leaves images out"
    )
    for one in cut[:top]:
        yield f"{one['group']}: {', '.join(f'{split} {n:,}' for split, n in one['splits'].items())}"
    yield from _rest(len(cut), top)


def _labels(labels: Mapping[str, Any], top: int) -> Iterator[str]:
    disputed = labels["disputed"]
    yield f"DOUBTFUL LABELS: {len(disputed):,} of {labels['judged']:,}, the most doubtful first"
    rows = [
        (f"{one['score']:.3f}", one["class"], one["proposed"], f"{one['probability']:.3f}",
         one["split"], one["key"])
        for one in disputed[:top]
    ]  # fmt: skip
    if rows:
        heading = ("score", "label", "proposed", "probability", "split", "image")
        yield from console.table([heading, *rows])
        yield from _rest(len(disputed), top)
    for one in labels["conflicting"][:top]:
        yield f"one image, two labels ({', '.join(one['classes'])}): {', '.join(one['keys'])}"
    if labels["too_small"]:
        names = ", ".join(labels["too_small"][:top])
        yield f"not judged, too few images or all of one group: {names}"


def _outliers(outliers: Mapping[str, Any], top: int) -> Iterator[str]:
    far, odd = outliers["far"], outliers["odd"]
    yield f"OUTLIERS: {len(far):,} far from all others, {len(odd):,} odd by their pixels"
    rows = [
        ("far", f"{one['deviations']:.1f} deviations", one["class"] or "-", one["key"])
        for one in far[:top]
    ]
    rows += [
        (", ".join(one["kinds"]), _measure(one), one["class"] or "-", one["key"])
        for one in odd[:top]
    ]
    if rows:
        yield from console.table([("kind", "how much", "class", "image"), *rows])
        yield from _rest(len(far) + len(odd), len(rows))


def _measure(one: Mapping[str, Any]) -> str:
    """Return the measure that the first kind of an odd image rests on."""
    return {
        "blank": f"contrast {one['contrast']:.3f}",
        "dark": f"brightness to {one['light']:.2f}",
        "bright": f"brightness from {one['dark']:.2f}",
        "blurred": f"sharpness {one['sharpness']:.3f}",
    }.get(one["kinds"][0], f"{one['width']:.0f} x {one['height']:.0f} pixels")


def _classes(classes: Mapping[str, Any], top: int) -> Iterator[str]:
    sizes = {name: n for name, n in classes["sizes"].items() if n}
    small, large = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    each = f"from {sizes[small]:,} ({small}) to {count(sizes[large], 'image')} ({large})"
    if sizes[small] == sizes[large]:
        each = f"each of {count(sizes[large], 'image')}"
    yield (
        f"CLASSES: {len(sizes)}, {each}; accuracy {classes['accuracy']:.4f} by heads that had not "
        "seen the image"
    )
    confused = classes["confused"]
    rows = [
        (one["one"], one["other"], one["taken"], one["taken_back"], f"{one['share']:.1%}")
        for one in confused[:top]
    ]
    if rows:
        yield from console.table([("class", "and", "taken for it", "back", "of both"), *rows])
        yield from _rest(len(confused), top)
    for one in classes["clusters"]:
        yield (
            f"{one['class']} holds two things: {one['sizes'][0]:,} images like "
            f"{one['examples'][0]}, {one['sizes'][1]:,} like {one['examples'][1]}"
        )


def _next(proposed: Mapping[str, Any], _: int) -> Iterator[str]:
    yield (
        f"LABEL NEXT: {len(proposed['images']):,} of {proposed['unlabelled']:,} images without a "
        f"label ({proposed['labelled']:,} have one)"
    )
    if proposed["difference_alone"]:
        yield f"by difference alone: {proposed['difference_alone']}"
    rows = [
        (i, one["guess"] or "-", "-" if one["probability"] is None else f"{one['probability']:.3f}",
         one["key"])
        for i, one in enumerate(proposed["images"], 1)
    ]  # fmt: skip
    yield from console.table([("", "guess", "probability", "image"), *rows])


def _rest(n: int, top: int) -> Sequence[str]:
    return [f"and {n - top:,} more: --top, --json or --csv shows them"] if n > top else []


_PARTS = {
    "same": _same,
    "labels": _labels,
    "outliers": _outliers,
    "classes": _classes,
    "next": _next,
}
