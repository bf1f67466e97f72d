// The event picker: its check boxes are part of the form around it. Done keeps what was checked and
// says so to the page ("picker:done"); Cancel, Escape and the close button put it back.
import "./sheet.js";
import { search } from "./picker-search.js";
import { keepTabStop } from "./picker-keys.js";

let before = null; // check boxes as they were when the dialog was opened

const boxes = (root) => [...root.querySelectorAll("input[name=event_names]")];

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  const opened = opener && document.getElementById(opener.dataset.opens);
  if (opened?.matches(".picker")) open(opened);
  const done = event.target.closest(".picker [data-done]");
  if (done) finish(done.closest(".picker"));
}, true);

document.addEventListener("close", (event) => {
  if (!event.target.matches?.(".picker") || !before) return;
  for (const [box, checked] of before) box.checked = checked;
  before = null;
  count(event.target);
}, true);

document.addEventListener("change", (event) => {
  const picker = event.target.closest(".picker");
  if (!picker) return;
  if (event.target.matches("[data-all]")) checkGroup(event.target);
  if (event.target.matches("[data-selected-only]")) show(picker);
  else count(picker);
});

document.addEventListener("input", (event) => {
  if (!event.target.matches(".picker [data-find]")) return;
  show(event.target.closest(".picker"));
});

function open(picker) {
  before = boxes(picker).map((box) => [box, box.checked]);
  picker.querySelector("[data-find]").value = "";
  picker.querySelector("[data-selected-only]").checked = false;
  show(picker);
}

function show(picker) {
  search(picker);
  keepTabStop(picker);
  count(picker);
}

function finish(picker) {
  before = null;
  picker.close();
  picker.dispatchEvent(new CustomEvent("picker:done", {
    bubbles: true,
    detail: { names: boxes(picker).filter((box) => box.checked).map((box) => box.value) },
  }));
}

// The group's box acts on what is shown of the group and may be chosen.
function checkGroup(all) {
  for (const box of shown(all.closest(".group"))) box.checked = all.checked;
}

function shown(group) {
  return [...group.querySelectorAll(".choice:not([hidden]) input:enabled")];
}

function count(picker) {
  let selected = 0;
  for (const group of picker.querySelectorAll(".group")) {
    const inside = boxes(group);
    const chosen = inside.filter((box) => box.checked).length;
    selected += chosen;
    if (group.hidden) continue;
    const candidates = shown(group);
    const checked = candidates.filter((box) => box.checked).length;
    const all = group.querySelector("[data-all]");
    all.disabled = candidates.length === 0;
    all.checked = checked > 0 && checked === candidates.length;
    all.indeterminate = checked > 0 && checked < candidates.length;
    const matching = group.querySelectorAll(".choice:not([hidden])").length;
    group.querySelector(".count").textContent = matching < inside.length
      ? `${matching} of ${inside.length} match, ${chosen || "none"} selected`
      : `${chosen || "none"} of ${inside.length} selected`;
  }
  const total = boxes(picker).length - picker.querySelectorAll("[data-unknown] input[name]").length;
  picker.querySelector("[data-selected]").textContent =
    `${selected.toLocaleString("en")} of ${total.toLocaleString("en")}`;
}
