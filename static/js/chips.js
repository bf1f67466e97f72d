// The chips below "Select events" tell what is checked in the picker; removing one unchecks it.
const picker = document.getElementById("picker");
const chips = document.querySelector("[data-chips]");
const opener = document.getElementById("select-events");

const copyOf = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

function chip(name) {
  const item = copyOf("chip");
  item.prepend(name);
  const button = item.querySelector("button");
  button.dataset.removes = name;
  button.setAttribute("aria-label", `Remove ${name}`);
  return item;
}

function group(section) {
  const boxes = [...section.querySelectorAll("input[name=event_names]")];
  const names = boxes.filter((box) => box.checked).map((box) => box.value);
  if (!names.length) return [];
  const shown = copyOf("chip-group");
  const count = Object.assign(document.createElement("span"), { className: "count" });
  count.textContent = `${names.length} of ${boxes.length}`;
  shown.querySelector("h3").append(`${section.querySelector("header label").textContent.trim()} `, count);
  shown.querySelector("ul").append(...names.map(chip));
  return [shown];
}

function show() {
  const boxes = [...picker.querySelectorAll("input[name=event_names]")];
  const total = boxes.length - picker.querySelectorAll("[data-unknown] input[name=event_names]").length;
  const selected = boxes.filter((box) => box.checked).length;
  chips.replaceChildren(...[...picker.querySelectorAll(".group")].flatMap(group));
  document.querySelector("[data-chosen]").textContent =
    `${selected.toLocaleString("en")} of ${total.toLocaleString("en")} selected`;
  chips.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("picker:done", show);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-chips] [data-removes]");
  if (!button) return;
  const buttons = [...chips.querySelectorAll("[data-removes]")];
  const at = buttons.indexOf(button);
  for (const box of picker.querySelectorAll("input[name=event_names]")) {
    if (box.value === button.dataset.removes) box.checked = false;
  }
  show();
  const left = chips.querySelectorAll("[data-removes]");
  (left[Math.min(at, left.length - 1)] ?? opener).focus();
});
