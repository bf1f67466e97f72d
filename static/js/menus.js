// details.menu: one open at a time; Escape and a click elsewhere close it; arrows move in it.
const OPEN = "details.menu[open]";
const ITEMS = ":is(a[href], button, summary, input:not([type=hidden]), select):not([disabled])";

function closeOthers(kept) {
  for (const menu of document.querySelectorAll(OPEN)) if (menu !== kept) menu.open = false;
}

document.addEventListener("click", (event) => closeOthers(event.target.closest("details.menu")));

document.addEventListener("focusin", (event) => closeOthers(event.target.closest("details.menu")));

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu");
  if (!menu) return;
  const summary = menu.querySelector("summary");
  if (event.key === "Escape" && menu.open) {
    menu.open = false;
    summary.focus();
    event.stopPropagation();
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target.matches("select, input")) return;
  event.preventDefault();
  menu.open = true;
  const items = [...menu.querySelectorAll(ITEMS)].filter((item) => item !== summary);
  const at = items.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : items.length - 1) : (at + step + items.length) % items.length;
  items[next]?.focus();
});
