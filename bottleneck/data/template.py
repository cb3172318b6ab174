"""--layout: where split, class and group stand in the path of an image, as a template.

`{split}/{class}/*` reads `train/cat/1.jpg`. A part is `{split}`, `{class}`, `{group}`, `{ignore}`
(any folder), or a name with `*` and `?`; `{class}_{split}` reads `cat_train`. `{split=test}` stands
for no folder, and says that all of it is test. `*` at the end is all that lies below. Images that
lie higher than the template goes have what the parts before say, and no more: in `test/1.jpg` that
is the split alone. With `**` (any folders, or none) the parts behind it are the last ones of the
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
_ALL_OF_IT = re.compile(r"\{split=(train|val|test)\}")
_ADVICE = "write it like '{split}/{class}/*'; there are {split}, {class}, {group} and {ignore}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a template says of one folder: the names at its parts; None where it says nothing."""

    split: bytes | None = None
    label: bytes | None = None
    group: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What matches the folders (`train/cat/`) of a template, and the split that it says of all."""

    pattern: re.Pattern[str]
    split: bytes | None = None


def is_template(text: object) -> bool:
    """Whether this can be taken for --layout."""
    try:
        return text == AUTO or bool(isinstance(text, str) and compiled(text))
    except (UsageError, re.error):
        return False


def split_of_all(template: str) -> str | None:
    """Return the split of a template that says one of all, and nothing else: `{split=test}/*`."""
    found = _ALL_OF_IT.fullmatch(template.removesuffix("/*"))
    return found[1] if found and template.endswith("/*") else None


def compiled(template: str) -> Template:
    """Return what reads the folders of a template.

    Raises
    ------
    UsageError
        When it is none.
    """
    parts = [part for part in template.split("/") if part and part != "."]
    if not parts or parts[-1] not in ("*", "**"):
        raise UsageError(f"{template!r} does not end in /*", "--layout", _ADVICE)
    fixed = [match[1] for part in parts if (match := _ALL_OF_IT.fullmatch(part))]
    parts = [part for part in parts if not _ALL_OF_IT.fullmatch(part)]
    roles = [role for part in parts for role in _ROLE.findall(part)]
    for role, n in (("split", len(fixed)), ("group", 0)):
        if roles.count(role) + n > 1:
            raise UsageError(f"{template!r} says {role} twice", "--layout", _ADVICE)
    n_classes, wholes = 0, []
    for part in parts[:-1]:
        wholes.append("(?:[^/]+/)*" if part == "**" else _whole(part, n_classes))
        n_classes += part.count("{class}")
    split = fixed[0].encode() if fixed else None
    if "**" in parts[:-1]:  # what stands behind it is as near to the image as can be
        return Template(pattern=re.compile("".join(wholes), re.DOTALL), split=split)
    nested = "(?:[^/]+/)*"
    for whole in reversed(wholes):
        nested = f"(?:{whole}{nested})?"
    return Template(pattern=re.compile(nested, re.DOTALL), split=split)


def _whole(part: str, n_classes: int) -> str:
    """Return the regular expression of one part, the `/` behind it too.

    Parameters
    ----------
    n_classes : how many classes stand in the parts before
    """
    found = []
    pieces = _ROLE.split(part)  # text, role, text, role, text
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            if "{" in piece or "}" in piece or (not piece and 0 < at < len(pieces) - 1):
                raise UsageError(f"{part!r} is no part of a template", "--layout", _ADVICE)
            found.append(_glob(piece) if piece else "")
        elif piece == "ignore":
            found.append("[^/]+")
        elif piece not in ROLES:
            raise UsageError(f"{{{piece}}} cannot stand there", "--layout", _ADVICE)
        else:
            n_classes += piece == "class"
            name = f"class{n_classes}" if piece == "class" else piece
            # A split is one word: what may be more is beside it.
            found.append(f"(?P<{name}>[^/]+{'?' if piece == 'split' else ''})")
    return "".join(found) + "/"


def told(template: Template, folder: bytes) -> Told | None:
    """Return what a template says of a folder (`train/cat/`); None where it does not fit."""
    found = template.pattern.fullmatch(os.fsdecode(folder))
    if found is None:
        return None
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    n_classes = sum(name.startswith("class") for name in template.pattern.groupindex)
    classes = [groups[f"class{i}"] for i in range(1, n_classes + 1) if f"class{i}" in groups]
    return Told(
        split=template.split or _bytes(groups.get("split")),
        label=_bytes("/".join(classes)) if classes and len(classes) == n_classes else None,
        group=_bytes(groups.get("group")),
    )


def pattern_of(prefix: bytes) -> str:
    """Return the pattern for --exclude of all that lies below a folder (`a/b/`)."""
    text = re.sub(r"([*?\[])", r"[\1]", os.fsdecode(prefix))
    # What cannot be typed stands as any one character.
    return "".join(c if c.isprintable() else "?" for c in text) + "*"


def _glob(part: str) -> str:
    r"""Return the regular expression of a name with * and ?, which do not cross a /."""
    inner = re.fullmatch(r"\(\?s:(.*)\)\\[Zz]", fnmatch.translate(part))
    assert inner is not None
    return f"(?:{inner[1].replace('.*', '[^/]*')})"


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)
