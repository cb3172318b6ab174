"""Write docs/commands.md and docs/api.md from the code: `make docs`.

    python scripts/make_references.py

The commands come from their parsers, the Python interface from `bottleneck.__all__`. Both are laid
out here, not by argparse or pydoc, whose layouts differ between versions of Python and terminals.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

sys.path.insert(0, str(Path(__file__).parents[1]))

import bottleneck
from bottleneck.__main__ import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[1] / "docs"
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
NOTE = "<!-- Made by scripts/make_references.py (make docs); do not edit. -->"


def main() -> None:
    """Write both files."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}")


def pages() -> dict[str, str]:
    """Return each file's name and text."""
    return {"commands.md": _finished(commands()), "api.md": _finished(api())}


def _finished(lines: Iterator[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


# --- the commands -------------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """Yield the lines of the command reference."""
    yield from ("# Command reference", "", NOTE, "")
    yield "`bottleneck VERB`, or `python -m bottleneck.VERB`; `--help` says the same in a terminal."
    yield from ("Exit codes and what to do about them: [scheduled.md](scheduled.md).", "")
    yield from (f"- [`{verb}`](#{verb}): {what}" for verb, what in VERBS.items())
    for verb in VERBS:
        parser = import_module(f"bottleneck.{verb}").parser()
        yield from ("", f"## {verb}", "", _prose(parser.description), "")
        for group in parser._action_groups:
            actions = [one for one in group._group_actions if one.help != argparse.SUPPRESS]
            if actions:
                yield from ("", f"**{_title(group.title)}**", "", *_prose_lines(group.description))
                yield from ("| | |", "| --- | --- |")
                yield from (_row(parser, action) for action in actions)
        if parser.epilog:
            yield from (
                "",
                "```text",
                *(line.rstrip() for line in parser.epilog.splitlines()),
                "```",
            )


def _title(title: str | None) -> str:
    # argparse's own two; the second was "optional arguments" once.
    known = {"positional arguments": "Arguments", "options": "Options"}
    return known.get(title or "", (title or "")[:1].upper() + (title or "")[1:])


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    if isinstance(action, argparse._HelpAction):
        return "| `-h`, `--help` | Show the help and exit. |"
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{_metavar(action)}`"
    values = "" if action.nargs == 0 or not action.option_strings else _metavar(action)
    shown = names + (f" {_code(values)}" if values else "")
    text = ((action.help or "") % {**vars(action), "prog": parser.prog}).strip()
    said = _default(action)
    if said and said.partition(" ")[0].lower() not in text.lower():
        text = f"{text.rstrip('.')}. {said}".lstrip(". ") if text else said
    return f"| {_cell(shown)} | {_cell(text)} |"


def _default(action: argparse.Action) -> str:
    """Return what to say of the default where the help does not say it itself."""
    if action.required:
        return "Required." if action.option_strings else ""
    value = action.default
    if value is None or value is False or value in ("", [], (), argparse.SUPPRESS):
        return ""
    many = isinstance(value, list | tuple)
    return f"Default {','.join(map(str, value)) if many else value}."


def _metavar(action: argparse.Action) -> str:
    if action.metavar is not None:
        name = action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    elif action.choices is not None:
        name = "|".join(map(str, action.choices))
    elif isinstance(action, argparse.BooleanOptionalAction) or action.nargs == 0:
        return ""
    else:
        name = action.dest.upper()
    return {"?": f"[{name}]", "+": f"{name} …", "*": f"[{name} …]"}.get(str(action.nargs), name)


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _prose(text: str | None) -> str:
    return " ".join((text or "").split())


def _prose_lines(text: str | None) -> list[str]:
    return [_prose(text), ""] if text else []


# --- the Python interface -----------------------------------------------------------------------


def api() -> Iterator[str]:
    """Yield the lines of the reference of the Python interface."""
    public = [name for name in bottleneck.__all__ if not name.startswith("__")]
    yield from (
        "# Python reference",
        "",
        NOTE,
        "",
        "How they are used: [python.md](python.md).",
        "",
    )
    yield from (f"- [`bottleneck.{name}`](#{_anchor(name)})" for name in (*public, "sklearn"))
    for name in public:
        thing = getattr(bottleneck, name)
        yield from ("", f"## bottleneck.{name}", "")
        if isinstance(thing, ModuleType):
            yield from _module(thing)
        elif inspect.isclass(thing):
            yield from _class(name, thing)
        else:
            yield from _function(name, thing)
    yield from ("", "## bottleneck.sklearn", "", *_docstring(bottleneck.sklearn))
    for name in bottleneck.sklearn.__all__:
        thing = getattr(bottleneck.sklearn, name)
        yield from ("", f"### bottleneck.sklearn.{name}", "")
        yield from (*_signature(name, thing.__init__), *_docstring(thing))
        yield from ("Methods: " + ", ".join(f"`{method}`" for method in _methods(thing)) + ".", "")


def _methods(thing: type) -> list[str]:
    """Return the methods of a class that are spelled in this package, the inherited ones too."""
    ours = [base for base in thing.__mro__ if base.__module__.startswith("bottleneck.")]
    named = dict.fromkeys(name for base in ours for name in vars(base) if name[0] != "_")
    functions = {name: getattr(thing, name) for name in named}
    return [
        name
        for name, found in functions.items()
        if inspect.isfunction(found) and found.__module__.startswith("bottleneck.")
    ]


def _function(name: str, function: Any) -> list[str]:
    return [*_signature(name, function), *_choices(function), *_docstring(function)]


def _choices(function: Any) -> list[str]:
    """Return a line for each name in the signature that stands for a few words, as `Pooling`."""
    named: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        for word in re.findall(r"\w+", _annotation(parameter.annotation)):
            found = inspect.unwrap(function).__globals__.get(word)
            if get_origin(found) is Literal:
                named[word] = found
    return [
        *(
            f"`{name}` is one of {', '.join(map(repr, get_args(found)))}."
            for name, found in named.items()
        ),
        "",
    ]


def _anchor(name: str) -> str:
    return f"bottleneck{name}".lower()


def _module(module: ModuleType) -> Iterator[str]:
    yield from (*_docstring(module), "", "| class | is a | exit code | when |")
    yield "| --- | --- | --- | --- |"
    names = getattr(module, "__all__", None) or list(vars(module))
    for name in names:
        thing = getattr(module, name)
        if inspect.isclass(thing) and issubclass(thing, BaseException):
            base, code = thing.__bases__[0].__name__, getattr(thing, "exit_code", "")
            yield _cell_row(f"`{name}`", f"`{base}`", code, inspect.getdoc(thing) or "")


def _cell_row(*cells: object) -> str:
    first = [str(cell).split("\n\n")[0] for cell in cells]
    return f"| {' | '.join(_cell(cell) for cell in first)} |"


def _class(name: str, thing: type) -> Iterator[str]:
    yield from _docstring(thing)
    for member, value in vars(thing).items():
        if member.startswith("_"):
            continue
        if isinstance(value, property):
            yield from ("", f"### {name}.{member}", "", *_docstring(value))
        elif inspect.isfunction(value):
            yield from ("", f"### {name}.{member}", "", *_function(member, value))
        elif isinstance(value, classmethod | staticmethod):
            yield from ("", f"### {name}.{member}", "", *_function(member, value.__func__))


def _signature(name: str, function: Any) -> list[str]:
    signature = inspect.signature(function)
    words: list[str] = []
    star = False
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            words.append("*")
            star = True
        star = star or parameter.kind is parameter.VAR_POSITIONAL
        words.append(_parameter(parameter))
    returns = _annotation(signature.return_annotation)
    tail = f") -> {returns}" if returns else ")"
    one = f"{name}({', '.join(words)}{tail}"
    lines = [one] if len(one) <= 90 else [f"{name}(", *(f"    {word}," for word in words), tail]
    return ["```text", *lines, "```", ""]


def _parameter(parameter: inspect.Parameter) -> str:
    prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    annotation, default = _annotation(parameter.annotation), parameter.default
    text = prefix + parameter.name + (f": {annotation}" if annotation else "")
    if default is parameter.empty:
        return text
    return text + (" = " if annotation else "=") + ADDRESS.sub("", repr(default))


def _annotation(annotation: object) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _docstring(thing: object) -> list[str]:
    """Return a numpydoc docstring as Markdown: sections become headings, entries a list."""
    lines = inspect.cleandoc(getattr(thing, "__doc__", None) or "").splitlines()
    made: list[str] = []
    in_section = False
    for i, line in enumerate(lines):
        following = lines[i + 1] if i + 1 < len(lines) else ""
        if line and re.fullmatch(r"-{3,}", following):
            made += ["", f"**{line}**", ""]
            in_section = True
        elif re.fullmatch(r"-{3,}", line):
            continue
        elif in_section and line and not line.startswith(" "):
            goes_on = ""
            if following.startswith(" "):
                is_sentence = following.strip()[:1].isupper() and not line.endswith((".", ":"))
                goes_on = ":" if " : " not in line else "." if is_sentence else ""
            made.append(f"- {_entry(line)}{goes_on}")
        elif in_section and line:
            made.append(f"  {line.strip()}")
        else:
            made.append(line)
    return [*made, ""]


def _entry(line: str) -> str:
    name, colon, rest = line.partition(" : ")
    names = ", ".join(f"`{one}`" for one in name.split(", "))
    return f"{names}: {rest}" if colon else (f"`{line}`" if line.isidentifier() else line)


if __name__ == "__main__":
    main()
