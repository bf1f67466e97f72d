// A side sheet (.sheet[id]): [data-sheet="id"] links load their page's panel into it with htmx.
// Beside the list where there is room; where not, it covers the list until it is closed.
let opener = null;

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

export async function load(link) {
  const sheet = document.getElementById(link.dataset.sheet);
  opener = link;
  await htmx.ajax("GET", link.href, { target: sheet, swap: "innerHTML" });
  if (opener !== link || !sheet.querySelector("[role=tablist]")) return;
  sheet.dataset.open = "";
  sheet.scrollTop = 0;
  for (const shown of document.querySelectorAll("[data-shown]")) delete shown.dataset.shown;
  link.closest(".choice")?.setAttribute("data-shown", "");
  if (covers(sheet)) sheet.querySelector(".close").focus();
}

// True if it covered the list and is closed now; the focus goes back to what opened it.
export function closeSheet(sheet) {
  if (!covers(sheet) || sheet.dataset.open === undefined) return false;
  delete sheet.dataset.open;
  opener?.focus();
  return true;
}

export const covers = (sheet) => getComputedStyle(sheet).position === "fixed";
