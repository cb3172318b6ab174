"""What the page of an inspection does when it is looked through: filter, sort, decide, save."""

SCRIPT = r"""
"use strict";
(() => {
  const tools = document.getElementById("tools");
  const findings = [...document.querySelectorAll(".finding")];
  const words = new Map(findings.map((f) => [f, f.textContent.toLowerCase()]));
  const cards = new Map();  // of each key: one image may stand in several findings
  const decisions = new Map();
  let saved = true;
  const get = (id) => document.getElementById(id);
  tools.hidden = false;
  tools.addEventListener("submit", (event) => event.preventDefault());

  const quoted = (text) => {
    // As in the command's own CSV: no cell is a formula to a spreadsheet.
    const safe = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(text) ? "'" + text : text;
    return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
  };

  const say = (more) => {
    const shown = findings.filter((f) => f.offsetParent !== null).length;
    const said = `${shown} of ${findings.length} findings, ${decisions.size} decided`;
    get("shown").textContent = more ? `${said}: ${more}` : said;
    get("save").disabled = decisions.size === 0;
  };

  const show = () => {
    const text = get("filter").value.trim().toLowerCase();
    const part = get("part").value;
    for (const section of document.querySelectorAll("section[data-part]")) {
      section.hidden = part !== "" && section.dataset.part !== part;
    }
    for (const f of findings) f.hidden = text !== "" && !words.get(f).includes(text);
    say();
  };

  const inOrder = new Intl.Collator(undefined, { numeric: true });
  const sort = () => {
    const by = get("sort").value;
    const compare = by === "score"
      ? (a, b) => a.dataset.score - b.dataset.score
      : (a, b) => inOrder.compare(a.dataset[by], b.dataset[by]);
    for (const list of document.querySelectorAll(".findings")) {
      list.append(...[...list.children].sort(compare));
    }
    findings.splice(0, findings.length, ...document.querySelectorAll(".finding"));
  };

  const mark = (key) => {
    const { what, label } = decisions.get(key) || {};
    for (const card of cards.get(key) || []) {
      for (const button of card.querySelectorAll(".decide button")) {
        button.setAttribute("aria-pressed", String(button.dataset.what === what));
      }
      card.classList.toggle("dropped", what === "drop");
      const input = card.querySelector(".decide input");
      input.hidden = what !== "relabel";
      if (what === "relabel") input.value = label;
    }
  };

  const decide = (card, what) => {
    const key = card.dataset.key;
    const input = card.querySelector(".decide input");
    if (what === "" || (decisions.get(key) || {}).what === what) decisions.delete(key);
    else decisions.set(key, { what, label: what === "relabel" ? input.value.trim() : "" });
    saved = false;
    mark(key);
    say();
    if (!input.hidden) {
      input.focus();
      input.select();
    }
  };

  const offer = (card) => {
    const key = card.dataset.key;
    const box = document.createElement("div");
    box.className = "decide";
    for (const what of ["keep", "relabel", "drop"]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = what;
      button.dataset.what = what;
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => decide(card, what));
      box.append(button);
    }
    const input = document.createElement("input");
    input.setAttribute("list", "classes");
    input.setAttribute("aria-label", "new class");
    input.placeholder = "which class?";
    input.value = card.closest(".finding").dataset.proposed;
    input.hidden = true;
    input.addEventListener("input", () => {
      const known = decisions.get(key);
      if (!known || known.what !== "relabel") return;
      known.label = input.value.trim();
      saved = false;
      for (const other of cards.get(key)) {
        if (other !== card) other.querySelector(".decide input").value = input.value;
      }
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") card.closest(".finding").focus();
    });
    box.append(input);
    card.append(box);
    cards.set(key, [...(cards.get(key) || []), card]);
  };

  const save = () => {
    for (const [key, { what, label }] of decisions) {
      if (what !== "relabel" || label !== "") continue;
      say(`which class is ${key}?`);
      const [card] = cards.get(key) || [];
      if (card) card.querySelector(".decide input").focus();
      return;
    }
    const lines = ["key,decision,label"];
    for (const [key, { what, label }] of decisions) {
      lines.push([key, what, label].map(quoted).join(","));
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = "decisions.csv";
    link.click();
    saved = true;
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  // Of a group the others are decided on; the first one stays what they are like.
  const chosen = (finding) => {
    const all = [...finding.querySelectorAll(".decided")];
    return finding.querySelector(".decided.here") ||
      all[all.length > 1 && !all[0].previousElementSibling ? 1 : 0];
  };

  const choose = (finding, step) => {
    const all = [...finding.querySelectorAll(".decided")];
    const at = all.indexOf(chosen(finding));
    for (const card of all) card.classList.remove("here");
    if (all.length > 1) all[(at + step) % all.length].classList.add("here");
  };

  const move = (step) => {
    const there = findings.filter((f) => f.offsetParent !== null);
    const at = there.indexOf(document.activeElement.closest(".finding"));
    const next = there[Math.min(there.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (!next) return;
    next.focus();
    choose(next, 0);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const what = { 0: "", 1: "keep", 2: "relabel", 3: "drop" }[event.key];
    const finding = document.activeElement.closest(".finding");
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "n" && finding) choose(finding, 1);
    else if (what !== undefined && finding) decide(chosen(finding), what);
    else return;
    event.preventDefault();
  });
  addEventListener("beforeunload", (event) => {
    if (!saved) event.preventDefault();
  });

  document.querySelectorAll(".decided").forEach(offer);
  for (const { dataset } of document.querySelectorAll("#before li")) {
    decisions.set(dataset.key, { what: dataset.what, label: dataset.label });
    mark(dataset.key);
  }
  get("filter").addEventListener("input", show);
  get("part").addEventListener("change", show);
  get("sort").addEventListener("change", sort);
  get("save").addEventListener("click", save);
  show();
})();
"""
