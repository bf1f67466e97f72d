// Keys in the event picker's list, which is one tab stop: up and down walk through the events, space
// checks, right opens the schema, left goes to the group's check box.
import { load } from "./sheet.js";

document.addEventListener("focusin", (event) => {
  const choice = event.target.closest?.(".picker .choice");
  if (choice) makeTabStop(choice);
});

document.addEventListener("keydown", (event) => {
  const picker = event.target.closest?.(".picker");
  if (!picker || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Enter" && event.target.matches("input")) {
    event.preventDefault(); // it would send the form around the dialog
    if (event.target.matches("[data-find]")) focusOn(first(picker));
    return;
  }
  const next = target(event, picker);
  if (next) {
    event.preventDefault();
    focusOn(next, event.target.matches(".choice a"));
  }
});

function target(event, picker) {
  const choice = event.target.closest(".choice");
  if (event.target.matches("[data-find]")) return event.key === "ArrowDown" ? first(picker) : null;
  if (event.target.matches("[data-all]")) {
    const inside = event.target.closest(".group").querySelector(".choice:not([hidden])");
    return event.key === "ArrowDown" ? inside : null;
  }
  if (!choice) return null;
  if (event.key === "ArrowRight") {
    event.preventDefault();
    const link = choice.querySelector("a");
    if (link) load(link);
    return null;
  }
  const choices = visible(picker);
  const position = choices.indexOf(choice);
  switch (event.key) {
    case "ArrowDown": return choices[position + 1];
    case "ArrowUp": return choices[position - 1] ?? picker.querySelector("[data-find]");
    case "Home": return choices[0];
    case "End": return choices.at(-1);
    case "ArrowLeft": return event.target.matches("a") ? choice : choice.closest(".group").querySelector("[data-all]");
    default: return null;
  }
}

const visible = (picker) => [...picker.querySelectorAll(".choice:not([hidden])")];
const first = (picker) => picker.querySelector(".choice:not([hidden])");

function focusOn(element, isLink = false) {
  if (!element) return;
  const inside = isLink ? "a" : "input:enabled, a";
  const focused = element.matches(".choice") ? element.querySelector(inside) ?? element.querySelector("input") : element;
  focused.focus();
  focused.scrollIntoView({ block: "nearest" });
}

function makeTabStop(choice) {
  const picker = choice.closest(".picker");
  for (const other of picker.querySelectorAll(".choice [tabindex='0']")) other.tabIndex = -1;
  for (const inside of choice.querySelectorAll("input, a")) inside.tabIndex = 0;
}

// After a search the tab stop may be hidden; then the first event that is shown takes over.
export function keepTabStop(picker) {
  if (!picker.querySelector(".choice [tabindex='0']")) {
    for (const inside of picker.querySelectorAll(".choice :is(input, a)")) inside.tabIndex = -1;
  }
  const current = picker.querySelector(".choice:not([hidden]) [tabindex='0']");
  if (!current && first(picker)) makeTabStop(first(picker));
}
