"""What the page of an inspection does when it is looked through: filter, sort, decide, save."""

SCRIPT = r"""
"use strict";
(() => {
  const tools = document.getElementById("tools");
  const findings = [...document.querySelectorAll(".finding")];
  const words = new Map(findings.map((f) => [f, f.textContent.toLowerCase()]));
  const decisions = new Map();
  const get = (id) => document.getElementById(id);
  tools.hidden = false;
  tools.addEventListener("submit", (event) => event.preventDefault());

  const quoted = (text) => {
    // As in the command's own CSV: no cell is a formula to a spreadsheet.
    const safe = /^'*[=+\-@\t\r\n]/.test(text) ? "'" + text : text;
    return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
  };

  const count = () => {
    const shown = findings.filter((f) => f.offsetParent !== null).length;
    get("shown").textContent = `${shown} of ${findings.length} findings, ${decisions.size} decided`;
    get("save").disabled = decisions.size === 0;
  };

  const show = () => {
    const text = get("filter").value.trim().toLowerCase();
    const part = get("part").value;
    for (const section of document.querySelectorAll("section[data-part]")) {
      section.hidden = part !== "" && section.dataset.part !== part;
    }
    for (const f of findings) f.hidden = text !== "" && !words.get(f).includes(text);
    count();
  };

  const sort = () => {
    const by = get("sort").value;
    const compare = by === "score"
      ? (a, b) => a.dataset.score - b.dataset.score
      : (a, b) => a.dataset[by].localeCompare(b.dataset[by]);
    for (const list of document.querySelectorAll(".findings")) {
      list.append(...[...list.children].sort(compare));
    }
    findings.splice(0, findings.length, ...document.querySelectorAll(".finding"));
  };

  const decide = (card, what) => {
    const key = card.dataset.key;
    const input = card.querySelector(".decide input");
    if (what === "" || (decisions.get(key) || {}).what === what) decisions.delete(key);
    else decisions.set(key, { what, label: what === "relabel" ? input.value : "" });
    // One image may stand in several findings.
    const now = (decisions.get(key) || {}).what;
    for (const same of document.querySelectorAll(".decided")) {
      if (same.dataset.key !== key) continue;
      for (const button of same.querySelectorAll(".decide button")) {
        button.setAttribute("aria-pressed", String(button.dataset.what === now));
      }
      same.classList.toggle("dropped", now === "drop");
      same.querySelector(".decide input").hidden = now !== "relabel";
    }
    count();
  };

  for (const card of document.querySelectorAll(".decided")) {
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
    input.value = card.closest(".finding").dataset.proposed;
    input.hidden = true;
    input.addEventListener("input", () => {
      const known = decisions.get(card.dataset.key);
      if (known && known.what === "relabel") known.label = input.value;
    });
    box.append(input);
    card.append(box);
  }

  const save = () => {
    const lines = ["key,decision,label"];
    for (const [key, { what, label }] of decisions) {
      lines.push([key, what, label].map(quoted).join(","));
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = "decisions.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const move = (step) => {
    const there = findings.filter((f) => f.offsetParent !== null);
    const at = there.indexOf(document.activeElement.closest(".finding"));
    const next = there[Math.min(there.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next) next.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const what = { 0: "", 1: "keep", 2: "relabel", 3: "drop" }[event.key];
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (what !== undefined) {
      const finding = document.activeElement.closest(".finding");
      // Of a group the others are decided on; the first one stays what they are like.
      const cards = finding ? [...finding.querySelectorAll(".decided")] : [];
      const card = cards[cards.length > 1 ? 1 : 0];
      if (card) decide(card, what);
    } else return;
    event.preventDefault();
  });

  get("filter").addEventListener("input", show);
  get("part").addEventListener("change", show);
  get("sort").addEventListener("change", sort);
  get("save").addEventListener("click", save);
  show();
})();
"""
