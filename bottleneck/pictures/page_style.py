"""How the page of a run looks: on a phone and a screen, light and dark, by keys, and on paper."""

STYLE = """
:root {
  --ink: #1b2127; --soft: #56616b; --line: #d8dde2; --paper: #fff; --card: #f4f6f8; --mark: #1f6fb2;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e8ea; --soft: #a0a7ae; --line: #3a3d40; --paper: #171717; --card: #222426;
    --mark: #79b6ea;
  }
  .drawn img { filter: invert(0.91) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 72rem; padding: 1.25rem clamp(1rem, 4vw, 3rem) 3rem;
  background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.15; margin: 1rem 0 0.4rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.9rem; padding-top: 0.9rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 0.5rem; }
p { margin: 0 0 0.8rem; max-width: 46rem; }
header p, footer, small, figcaption, caption, .caption, dt { color: var(--soft); }
header p { margin: 0; }
section:first-child h2 { border: 0; margin-top: 0.6rem; }
dl, dd, figure, ol { margin: 0; padding: 0; }
dt, small, figcaption, caption, .caption { font-size: 0.875rem; }
code, pre { font: 0.8125rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
b { font-weight: 600; color: var(--ink); }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
.cards { display: grid; gap: 0.75rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); }
@media (min-width: 48rem) { .cards { grid-template-columns: repeat(4, 1fr); } }
.cards div { background: var(--card); border-radius: 0.6rem; padding: 0.8rem 1rem; }
.cards dd { font-size: 1.6rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.cards div:first-child dd { color: var(--mark); font-weight: 650; }
.cards small { display: block; font-weight: 400; line-height: 1.4; }
.beside, .curves { display: grid; gap: 1.5rem; align-items: start; }
.beside { grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
.curves { grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.beside > *, .curves > * { min-width: 0; }
.scroll { overflow-x: auto; }
.drawn img { display: block; width: 100%; height: auto; border-radius: 0.6rem; }
.drawn figcaption, .caption { margin-top: 0.5rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
  font-size: 0.9375rem; }
caption { text-align: left; padding-bottom: 0.4rem; }
th, td { text-align: right; padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; }
th { font-weight: 600; }
thead th, tfoot th, tfoot td { color: var(--soft); font-weight: 500; }
thead th { vertical-align: bottom; }
th:first-child, th:last-child, td:last-child { text-align: left; }
th:first-child { padding-left: 0; }
tbody th:first-child, td:last-child { min-width: 6.8rem; max-width: 16rem;
  overflow-wrap: anywhere; }
.numbers th:last-child, .numbers td:last-child { text-align: right; min-width: 0; }
@media (max-width: 34rem) {
  table { font-size: 0.875rem; }
  th, td { padding: 0.3rem; }
  .least { display: none; }
}
.confusions { padding-left: 1.6rem; }
.confusions li { padding: 0.1rem 0; }
.confusions small { white-space: nowrap; }
.mistakes { list-style: none; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); }
.mistakes img, .none { width: 100%; aspect-ratio: 1; object-fit: contain; display: block;
  background: var(--card); border-radius: 0.6rem; }
.mistakes .exact { image-rendering: pixelated; }
.none { display: grid; place-content: center; padding: 0.8rem; text-align: center;
  color: var(--soft); font-size: 0.875rem; margin: 0; }
.mistakes figcaption { margin-top: 0.4rem; line-height: 1.35; }
.mistakes code { display: block; font-size: 0.75rem; }
.facts div { display: grid; grid-template-columns: min(32%, 12rem) 1fr; gap: 0 1rem;
  padding: 0.3rem 0; border-bottom: 1px solid var(--line); }
.facts dd { min-width: 0; }
details { margin-top: 1rem; }
summary { cursor: pointer; color: var(--mark); }
pre { background: var(--card); border-radius: 0.6rem; padding: 0.9rem 1rem; overflow-x: auto;
  white-space: pre-wrap; }
footer { margin-top: 2.5rem; font-size: 0.875rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 0.875rem; }
  .scroll { overflow: visible; }
  .cards div { border: 1px solid var(--line); }
  .cards div, li, tr, figure { break-inside: avoid; }
  tfoot { display: table-row-group; }
  h2, h3 { break-after: avoid; }
}
"""
