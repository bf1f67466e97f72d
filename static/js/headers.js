// Rows of headers: add, remove, look at what is typed, replace what is stored. A stored value is
// a mask until Show asks the server for it or Replace takes it away.
const rows = () => document.querySelector("[data-rows]");

function add() {
  const row = document.getElementById("header-row").content.firstElementChild.cloneNode(true);
  const numbers = [...rows().querySelectorAll("[data-row]")].map((other) => Number(other.dataset.row));
  renumber(row, row.dataset.row, Math.max(0, ...numbers) + 1);
  rows().querySelector("[data-after-rows]").before(row);
  return row;
}

function renumber(row, old, number) {
  row.dataset.row = number;
  for (const part of row.querySelectorAll("[id], [for], [aria-label]")) {
    for (const name of ["id", "for", "aria-label", "title"]) {
      const text = part.getAttribute(name);
      if (text) part.setAttribute(name, text.replace(new RegExp(`\\b${old}$`), number));
    }
  }
  for (const hidden of row.querySelectorAll("label .hidden")) hidden.textContent = ` ${number}`;
}

function remove(row) {
  const next = [row.nextElementSibling, row.previousElementSibling].find((at) => at?.matches("[data-row]"));
  row.remove();
  (next?.querySelector("input") ?? document.querySelector("[data-adds-header]")).focus();
  changed();
}

function replaceValue(button) {
  const masked = button.closest(".masked");
  const input = masked.querySelector("input");
  const isKept = input.value === input.dataset.mask;
  input.value = isKept ? "" : input.dataset.mask;
  input.type = isKept ? "password" : "text";
  input.readOnly = !isKept;
  button.textContent = isKept ? "Keep" : "Replace";
  button.setAttribute("aria-label", `${isKept ? "Keep the stored" : "Replace"} value`);
  masked.querySelector("[name=show]")?.toggleAttribute("hidden", isKept);
  if (isKept) input.focus();
  changed();
}

function look(button) {
  const input = button.closest(".masked").querySelector("input");
  const isHidden = input.type === "password";
  input.type = isHidden ? "text" : "password";
  button.setAttribute("aria-pressed", isHidden);
}

const changed = () => rows().dispatchEvent(new Event("input", { bubbles: true }));

const guardMasks = () => {
  for (const input of rows().querySelectorAll("input[data-mask]")) {
    if (input.value === input.dataset.mask) input.readOnly = true;
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-adds-header]")) {
    add().querySelector("input").focus();
    changed();
  } else if (button?.matches("[data-removes-header]")) remove(button.closest("[data-row]"));
  else if (button?.matches("[data-replaces-value]")) replaceValue(button);
  else if (button?.matches("[data-shows-value]")) look(button);
});

if (!rows().querySelector("[data-row]")) add();
guardMasks();
