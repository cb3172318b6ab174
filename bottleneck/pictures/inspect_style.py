"""How the page of an inspection looks, beside what all pages share.

A finding is a block and no list item: a browser numbers the items that are left anew for each one
that is hidden, which takes half a minute where the filter hides 5,000 of them.
"""

MORE_STYLE = """
h2 small { color: var(--soft); font-weight: 400; }
h4 { font-size: 0.875rem; margin: 0.8rem 0 0.4rem; font-weight: 500; color: var(--soft); }
#tools:not([hidden]) { position: sticky; top: 0; z-index: 1; background: var(--paper);
  display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; padding: 0.7rem 0;
  border-bottom: 1px solid var(--line); }
#tools label { color: var(--soft); font-size: 0.875rem; }
#tools small { flex-basis: 100%; color: var(--soft); }
select, input, button { font: inherit; color: var(--ink); background: var(--card);
  border: 1px solid var(--line); border-radius: 0.4rem; padding: 0.25rem 0.5rem; max-width: 100%; }
button { cursor: pointer; }
button:disabled { color: var(--soft); cursor: default; }
button[aria-pressed="true"] { background: var(--mark); color: var(--paper);
  border-color: var(--mark); }
.findings { list-style: none; display: grid; gap: 0 1.6rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
.finding { padding: 0.4rem 0.8rem 1rem; margin: 0 -0.8rem 0.6rem; min-width: 0;
  border-radius: 0.6rem; border: 1px solid transparent; scroll-margin-top: 7rem;
  content-visibility: auto; contain-intrinsic-size: auto 18rem; }
.finding:not([hidden]) { display: block; }
.finding:focus { outline: none; border-color: var(--mark); }
.finding h3 { margin: 0.6rem 0 0.5rem; }
.tiles { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.8rem;
  grid-template-columns: repeat(auto-fill, minmax(min(45%, 7.5rem), 1fr)); }
.tiles.small { grid-template-columns: repeat(auto-fill, minmax(min(22%, 5.5rem), 1fr)); }
.tiles img, .tiles .none { width: 100%; aspect-ratio: 1; object-fit: contain; display: block;
  background: var(--card); border-radius: 0.5rem; }
.tiles .exact { image-rendering: pixelated; }
.tiles figcaption { margin-top: 0.3rem; line-height: 1.35; }
.tiles code { display: block; font-size: 0.6875rem; }
.decide { display: flex; flex-wrap: wrap; gap: 0.2rem; margin-top: 0.4rem; }
.decide button, .decide input { font-size: 0.8125rem; padding: 0.1rem 0.35rem; }
.decide input { width: 100%; }
.dropped img { opacity: 0.35; }
.finding:focus-within .here figure { outline: 2px solid var(--mark); outline-offset: 3px;
  border-radius: 0.5rem; }
@media (max-width: 34rem) {
  #tools:not([hidden]) { gap: 0.3rem 0.6rem; padding: 0.4rem 0; }
  #tools small { display: none; }
  #tools label { flex: 1 1 28%; align-self: end; }
  #shown { flex: 1 1 50%; font-size: 0.875rem; }
  #tools select, #tools input { width: 100%; }
}
@media print {
  #tools:not([hidden]), .decide button[aria-pressed="false"] { display: none; }
  .findings { grid-template-columns: 1fr 1fr; }
  .finding { break-inside: avoid; }
  h2, section > p { break-after: avoid; }
}
"""
