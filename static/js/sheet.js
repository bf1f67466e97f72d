// A side sheet (.sheet[id]): [data-sheet="id"] links load their page's panel into it with htmx.
// Beside the list where there is room; where not, it covers the list until it is closed.
import { warn } from "./toasts.js";

let opener = null; // the link that loaded what is shown

// A page that was opened with a panel shows its row as well.
const current = document.querySelector("tr[aria-current]");
current?.scrollIntoView({ block: "nearest" });
if (current && !location.hash) document.querySelector(".sheet").dataset.open = "";

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-sheet]");
  if (link && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    load(link);
    return;
  }
  const close = event.target.closest(".sheet .close");
  if (close && closeSheet(close.closest(".sheet"))) event.preventDefault();
}, true);

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector(".sheet[data-open]");
  if (open && closeSheet(open)) event.preventDefault(); // a dialog around it stays
});

export async function load(link) {
  const sheet = document.getElementById(link.dataset.sheet);
  const before = sheet.firstElementChild;
  opener = link;
  await htmx.ajax("GET", link.href, { target: sheet, swap: "innerHTML" });
  if (opener !== link) return; // another one was chosen meanwhile
  if (sheet.firstElementChild === before) {
    warn("The schema could not be loaded. Try again.");
    return;
  }
  sheet.dataset.open = "";
  sheet.scrollTop = 0;
  point(link.closest(".choice, tr"));
  const status = document.getElementById(`${sheet.id}-status`);
  status.textContent = `${sheet.querySelector("h2, h3").textContent} is shown`;
  if (covers(sheet)) sheet.querySelector(".close").focus();
}

// A list that came anew does not know yet what is shown.
document.addEventListener("htmx:afterSettle", (event) => {
  const path = opener?.pathname ?? location.pathname;
  for (const link of event.target.querySelectorAll?.(".row[data-sheet]") ?? []) {
    if (link.pathname === path) point(link.closest("tr"));
  }
});

// The row whose panel is shown.
function point(row) {
  for (const other of document.querySelectorAll(".choice[data-shown]")) delete other.dataset.shown;
  for (const other of document.querySelectorAll("tr[aria-current]")) other.removeAttribute("aria-current");
  if (row.matches("tr")) row.setAttribute("aria-current", "true");
  else row.dataset.shown = "";
}

// True if it covered the list and is closed now; the focus goes back to what opened it.
function closeSheet(sheet) {
  if (!covers(sheet) || sheet.matches(":target") || sheet.dataset.open === undefined) return false;
  delete sheet.dataset.open;
  (opener ?? current?.querySelector(".row"))?.focus();
  return true;
}

const covers = (sheet) => getComputedStyle(sheet).position === "fixed";
