// "Customer identifier" opens its sources; closed ones are not sent. Beside it the preview: which
// of its views is shown stays as it was chosen when a new preview comes.
const box = document.querySelector("[name=customer_identifier]");
const sources = document.getElementById(box.getAttribute("aria-controls"));

function open() {
  sources.disabled = !box.checked;
  box.setAttribute("aria-expanded", box.checked);
}

box.addEventListener("change", open);
window.addEventListener("pageshow", open); // the browser may have put ticks back
open();

function show(views) {
  for (const panel of views.querySelectorAll("[data-view]")) panel.hidden = panel.dataset.view !== views.dataset.shown;
  for (const button of views.querySelectorAll("[data-shows-view]")) {
    button.setAttribute("aria-pressed", button.dataset.showsView === views.dataset.shown);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-shows-view]");
  if (!button) return;
  const views = button.closest("[data-shown]");
  views.dataset.shown = button.dataset.showsView;
  show(views);
});

// Noted before htmx sees it and asks.
document.addEventListener("change", ({ target }) => {
  if (target.name === "preview_of") target.form.elements.preview_chosen.value = target.value;
}, true);

// What was unfolded stays so.
const unfolded = new Set();

document.addEventListener("toggle", ({ target }) => {
  if (target.dataset.stays) unfolded[target.open ? "add" : "delete"](target.dataset.stays);
}, true); // the event does not bubble

document.addEventListener("htmx:afterSwap", ({ target }) => {
  const views = target.closest("[data-shown]");
  if (views) show(views);
  for (const folded of target.querySelectorAll("details[data-stays]")) {
    if (unfolded.has(folded.dataset.stays)) folded.open = true;
  }
});
