"""Draw docs/way.svg, the picture at the top of the README: python scripts/draw_way.py."""

from __future__ import annotations

from html import escape
from pathlib import Path

FILE = Path(__file__).parents[1] / "docs" / "way.svg"
WIDTH, HEIGHT = 920, 250
INK, GRAY, LINE, PAPER = "#1f2933", "#52606d", "#9aa5b1", "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
# Left, width, fill, title, lines below it.
BOXES = (
    (20, 160, "#e3f8ff", "images", ("a folder, a table,", "arrays, an archive")),
    (250, 170, "#fff3c4", "frozen network", ("cut at a layer;", "each image once")),
    (490, 180, "#e3f9e5", "store", ("one row per image,", "found by its content")),
)
HEADS = (("head: linear", 30), ("head: dense", 85), ("head: tail", 140))
TOP, TALL = 55, 100


def main() -> None:
    """Write the picture."""
    FILE.write_text(picture(), encoding="utf-8")


def picture() -> str:
    """Return the picture as SVG; the same text on every machine."""
    middle = TOP + TALL // 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="Images go once through a '
        'frozen network into a store; heads are trained from the store">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{PAPER}"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        f'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="{LINE}"/></marker></defs>',
    ]
    for left, width, fill, title, lines in BOXES:
        parts += box(left, TOP, width, TALL, fill)
        parts.append(text(left + width // 2, TOP + 36, title, size=18, bold=True))
        parts += [
            text(left + width // 2, TOP + 62 + 20 * i, line, size=14, color=GRAY)
            for i, line in enumerate(lines)
        ]
    for title, top in HEADS:
        parts += box(750, top, 150, 40, "#f0e8ff")
        parts.append(text(825, top + 26, title, size=15, bold=True))
        parts.append(arrow(670, middle, 748, top + 20))
    parts += [
        arrow(180, middle, 248, middle),
        arrow(420, middle, 488, middle),
        text(335, 195, "bottleneck extract", size=15, mono=True),
        text(335, 218, "minutes, once; later only what changed", size=13, color=GRAY),
        text(745, 212, "bottleneck train", size=15, mono=True),
        text(745, 235, "seconds, as often as you like", size=13, color=GRAY),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def box(left: int, top: int, width: int, height: int, fill: str) -> list[str]:
    """Return a rounded box."""
    return [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="8" fill="{fill}" '
        f'stroke="{LINE}"/>'
    ]


def arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    """Return a line with a tip."""
    return (
        f'<path d="M{x} {y}L{to_x} {to_y}" stroke="{LINE}" stroke-width="2" fill="none" '
        'marker-end="url(#tip)"/>'
    )


def text(
    x: int,
    y: int,
    words: str,
    *,
    size: int,
    color: str = INK,
    bold: bool = False,
    mono: bool = False,
) -> str:
    """Return words centred at x."""
    family = "ui-monospace, Menlo, Consolas, monospace" if mono else FONT
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="middle" font-family="{family}" font-size="{size}"'
        f'{weight} fill="{color}">{escape(words)}</text>'
    )


if __name__ == "__main__":
    main()
