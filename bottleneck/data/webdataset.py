"""Labels as WebDataset has them: members of an archive that share the name up to its first dot.

`0001.jpg`, `0001.cls` and `0001.json` are one sample. `.cls` (or `.cls.txt`) holds the class, a
number or a name; without it, a `.json` object holds it under one of the usual words. Captions
(`.txt`) are no classes. An image with more than one ending (`0001.mask.png`) is a further picture
of its sample, not a sample.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.core.strict_json import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.data.contained import Members

CLASS_ENDINGS = (b"cls", b"cls.txt", b"cls.json")
WORDS = ("label", "class", "cls", "class_name", "label_name", "category")
MAX_BYTES = 1 << 20  # of a label's file


def labels(containers: Sequence[Members], where: str) -> list[dict[bytes, str]] | None:
    """Return each container's labels by the key of the image, "" where there is none.

    None where no container has a label beside an image. Images with several endings are taken
    out of the containers.
    """
    found = [_labels_of(members, where) for members in containers]
    if not any(found):
        return None
    for members in containers:
        for key in [key for key in members.images if b"." in _endings(key)]:
            del members.images[key]
    return found


def may_be_label(key: bytes) -> bool:
    """Whether a member may be the label of a sample, by its ending."""
    return key.lower().endswith((b".json", *(b"." + ending for ending in CLASS_ENDINGS)))


def _labels_of(members: Members, where: str) -> dict[bytes, str]:
    beside: dict[bytes, dict[bytes, Any]] = {}
    for key, place in members.others.items():
        ending = _endings(key)
        if ending in CLASS_ENDINGS or ending == b"json":
            beside.setdefault(_stem(key), {})[ending] = place
    texts: dict[bytes, str] = {}
    for key in members.images:
        fields = beside.get(_stem(key), {})
        for ending in [each for each in (*CLASS_ENDINGS, b"json") if each in fields][:1]:
            content = members.read(fields[ending]).content
            text = _text(bytes(content), ending, key, where)
            if text is not None:
                texts[key] = text
    return texts


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


def _stem(key: bytes) -> bytes:
    """Return a key up to the first dot of its file name."""
    folder, name = key[: key.rfind(b"/") + 1], key[key.rfind(b"/") + 1 :]
    return folder + name.split(b".", 1)[0]


def _endings(key: bytes) -> bytes:
    """Return what follows the first dot of the file name, in small letters."""
    return key[key.rfind(b"/") + 1 :].partition(b".")[2].lower()
