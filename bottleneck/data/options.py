"""What folders and archives of images can be told. Imports the standard library alone."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from bottleneck.core.option import Option
from bottleneck.data.template import AUTO, is_template, split_of_all

TARGETS = ("class", "labels", "numbers")


def is_pattern(value: Any) -> bool:
    """Whether it is a regular expression."""
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return isinstance(value, str)


def is_switch(value: Any) -> bool:
    """Whether it is said, either way."""
    return isinstance(value, bool)


def is_map(value: Any) -> bool:
    """Whether it says splits of words: `0=train,1=test`."""
    return isinstance(value, str) and all("=" in part for part in value.split(","))


LAYOUT = Option(
    name="layout",
    metavar="TEMPLATE",
    help="Where split and class stand in an image's path, such as '{split}/{class}/*'; {group} "
    "and {ignore} there too, and {split=test} says that all of it is test. Default: auto, found "
    "from the names of the folders, and said.",
    check=is_template,
    example="a template such as '{split}/{class}/*'",
)
# Of files without folders: the same option, as far as it means something there.
ALL_OF_IT = replace(
    LAYOUT,
    check=lambda value: value == AUTO or bool(isinstance(value, str) and split_of_all(value)),
    example="'{split=train}/*', val or test, or auto",
)
LABEL_FROM = Option(
    name="label_from",
    metavar="REGEX",
    help="Regular expression that finds the class in an image's path: its group named class, or "
    r"the first one, such as '(\w+)\.\d+\.jpg$' for cat.0.jpg. Default: the folder is the class.",
    check=is_pattern,
    example="a regular expression, such as '(\\w+)\\.\\d+'",
)
GROUP_BY = Option(
    name="group_by",
    metavar="REGEX",
    help="Regular expression that finds in an image's path what belongs together (one patient, "
    "one scene): its group named group, or the first one. Default: no groups.",
    check=is_pattern,
    example="a regular expression, such as 'patient(\\d+)'",
)
JOIN_CLASSES = Option(
    name="join_classes",
    help="Make one class of names that differ in case, Unicode form or blanks around them alone; "
    "the spelling with the most images stays. Default: that is an error.",
    check=is_switch,
    example="it or not",
    default=None,
    is_switch=True,
)
ANY_NAME = Option(
    name="any_name",
    help="Also take images whose names have no ending of an image (x, x.jpg.1), by their first "
    "bytes; or leave them. Default: leave them, and an error where they are over 1 %.",
    check=is_switch,
    example="it or not",
    default=None,
    is_switch=True,
)
FOLLOW_LINKS = Option(
    name="follow_links",
    help="Follow links to files and folders outside the source; or leave them. Default: leave "
    "them, and an error where they are over 1 % of the images.",
    check=is_switch,
    example="it or not",
    default=None,
    is_switch=True,
)
SPLIT_MAP = Option(
    name="split_map",
    help="What the words of a table's column of splits mean, or the names of folders, such as "
    "0=train,1=test; nothing before the = is an empty field. Default: train, val, test and their "
    "usual other words.",
    check=is_map,
    example="WORD=SPLIT, several separated by commas",
    metavar="WORD=SPLIT,…",
)
IN_ARCHIVES = (LAYOUT, LABEL_FROM, GROUP_BY, JOIN_CLASSES, ANY_NAME, SPLIT_MAP)
IN_FOLDERS = (*IN_ARCHIVES, FOLLOW_LINKS)
TARGET_KIND = Option(
    name="target_kind",
    help="What there is to learn of each image. class: one of several classes; labels: several of "
    "them, in columns of 0 and 1 or in texts such as cat|dog; numbers: to predict as they are, of "
    "one column or several. Default: class, or what the data can only be, and that is said.",
    check=lambda value: value in TARGETS,
    example="class, labels or numbers",
    choices=TARGETS,
)
UNPACK = Option(
    name="unpack",
    help="Folder in which an archive that is compressed as a whole (.tar.gz) is unpacked, into one "
    "plain archive; without it, such an archive is refused.",
    check=lambda value: isinstance(value, str) and bool(value),
    example="a folder",
    metavar="FOLDER",
)
