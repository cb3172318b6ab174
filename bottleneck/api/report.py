"""What a call did: the dict that the command prints with `--json`, shown well in notebooks."""

from __future__ import annotations

from typing import Any

from bottleneck.core import notebook


class Report(dict[str, Any]):
    """A plain dict, whose keys are those of the command's `--json`; a table in a notebook."""

    def _repr_html_(self) -> str:
        title = " ".join(filter(None, ("bottleneck", str(self.get("verb", "")))))
        facts = {key: value for key, value in self.items() if not _is_table(value)}
        facts.pop("verb", None)
        tables = [notebook.grid(key, value) for key, value in self.items() if _is_table(value)]
        return "".join([*tables, notebook.facts(title, facts)])


def _is_table(value: object) -> bool:
    """Whether a value is a list of dicts, each of which is a row."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)
