"""--layout: where split, class and group stand in the path of an image, as a template.

`{split}/{class}/*` reads `train/cat/1.jpg`. A part is `{split}`, `{class}`, `{group}`, `{ignore}`
(any folder), or a name with `*` and `?`. `*` at the end is all that lies below. Images that lie
higher than the template goes have what the parts before say, and no more: in `test/1.jpg` that is
the split alone. With `**` (any folders, or none) the parts behind it are the last ones of the
path: `**/{class}/*` is the folder that the image itself lies in.
"""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass

from bottleneck.core.errors import UsageError

AUTO = "auto"  # as the names of the folders say
ROLES = ("split", "class", "group")
_ROLE = re.compile(r"\{(\w+)\}")
_ADVICE = "write it like '{split}/{class}/*'; there are {split}, {class}, {group} and {ignore}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a template says of one folder: the names at its parts; None where it says nothing."""

    split: bytes | None = None
    label: bytes | None = None
    group: bytes | None = None


def is_template(text: object) -> bool:
    """Whether this can be taken for --layout."""
    try:
        return text == AUTO or bool(isinstance(text, str) and compiled(text))
    except (UsageError, re.error):
        return False


def compiled(template: str) -> re.Pattern[str]:
    """Return what matches the folders (`train/cat/`) of a template.

    Raises
    ------
    UsageError
        When it is none.
    """
    parts = [part for part in template.split("/") if part and part != "."]
    if not parts or parts[-1] not in ("*", "**"):
        raise UsageError(f"{template!r} does not end in /*", "--layout", _ADVICE)
    n_classes, wholes = 0, []
    for part in parts[:-1]:
        role = _ROLE.fullmatch(part)
        if part == "**":
            wholes.append("(?:[^/]+/)*")
        elif role is None:
            if "{" in part or "}" in part:
                raise UsageError(f"{part!r} is no part of a template", "--layout", _ADVICE)
            wholes.append(_glob(part) + "/")
        elif role[1] == "ignore":
            wholes.append("[^/]+/")
        elif role[1] not in ROLES or (role[1] != "class" and parts.count(part) > 1):
            raise UsageError(f"{part} cannot stand there", "--layout", _ADVICE)
        else:
            n_classes += role[1] == "class"
            name = f"class{n_classes}" if role[1] == "class" else role[1]
            wholes.append(f"(?P<{name}>[^/]+)/")
    if "**" in parts[:-1]:  # what stands behind it is as near to the image as can be
        return re.compile("".join(wholes), re.DOTALL)
    nested = "(?:[^/]+/)*"
    for whole in reversed(wholes):
        nested = f"(?:{whole}{nested})?"
    return re.compile(nested, re.DOTALL)


def told(pattern: re.Pattern[str], folder: bytes) -> Told | None:
    """Return what a template says of a folder (`train/cat/`); None where it does not fit."""
    found = pattern.fullmatch(os.fsdecode(folder))
    if found is None:
        return None
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    n_classes = sum(name.startswith("class") for name in pattern.groupindex)
    classes = [groups[f"class{i}"] for i in range(1, n_classes + 1) if f"class{i}" in groups]
    return Told(
        split=_bytes(groups.get("split")),
        label=_bytes("/".join(classes)) if classes and len(classes) == n_classes else None,
        group=_bytes(groups.get("group")),
    )


def pattern_of(prefix: bytes) -> str:
    """Return the pattern for --exclude of all that lies below a folder (`a/b/`)."""
    return re.sub(r"([*?\[])", r"[\1]", os.fsdecode(prefix)) + "*"


def _glob(part: str) -> str:
    r"""Return the regular expression of a name with * and ?, which do not cross a /."""
    inner = re.fullmatch(r"\(\?s:(.*)\)\\[Zz]", fnmatch.translate(part))
    assert inner is not None
    return f"(?:{inner[1].replace('.*', '[^/]*')})"


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)
