// Which events of the picker are shown: those whose name, description and group hold every word
// that was typed. Where they stand is marked.
const indexes = new WeakMap(); // picker -> its rows, read once

export function search(picker) {
  const text = picker.querySelector("[data-find]").value.trim().toLowerCase();
  const words = text ? text.split(/\s+/).slice(0, 10) : [];
  const selectedOnly = picker.querySelector("[data-selected-only]").checked;
  let matches = 0;
  for (const { group, rows } of index(picker)) {
    let any = false;
    for (const row of rows) {
      const fits = words.every((word) => row.text.includes(word)) && (!selectedOnly || row.box.checked);
      if (row.element.hidden === fits) row.element.hidden = !fits;
      if (!fits) continue;
      any = true;
      matches += 1;
      for (const part of row.parts) mark(part, words);
    }
    group.element.hidden = !any;
    if (any) mark(group, words);
  }
  say(picker, matches, words.length > 0 || selectedOnly);
}

function index(picker) {
  if (!indexes.has(picker)) indexes.set(picker, [...picker.querySelectorAll(".group")].map(groupOf));
  return indexes.get(picker);
}

function groupOf(element) {
  const name = element.querySelector("[data-all] + span");
  const group = { element, span: name, plain: name.textContent, marked: "" };
  const rows = [...element.querySelectorAll(".choice")].map((choice) => {
    const parts = [...choice.querySelectorAll(".name, .reason")].map(
      (span) => ({ span, plain: span.textContent, marked: "" }));
    const text = [...parts.map((part) => part.plain), group.plain].join("\n").toLowerCase();
    return { element: choice, box: choice.querySelector("input"), parts, text };
  });
  return { group, rows };
}

// Only what has to change is touched: the list may be long, and this runs at every key.
function mark(part, words) {
  const wanted = words.join(" ");
  if (part.marked === wanted) return;
  const found = words.map(escaped).sort((a, b) => b.length - a.length).join("|");
  const pieces = found ? part.plain.split(new RegExp(`(${found})`, "gi")) : [part.plain];
  if (pieces.length > 1 || part.span.firstElementChild) part.span.replaceChildren(...pieces.map(piece));
  part.marked = wanted;
}

const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function piece(text, position) {
  if (position % 2 === 0) return text;
  const marked = document.createElement("mark");
  marked.textContent = text;
  return marked;
}

function say(picker, matches, isFiltered) {
  const total = picker.querySelectorAll(".choice").length;
  const events = `${total.toLocaleString("en")} events`;
  picker.querySelector("[data-matches]").textContent =
    isFiltered ? `${matches.toLocaleString("en")} of ${events} match` : events;
  picker.querySelector("[data-nothing]").hidden = matches > 0;
}
