// form[data-leaving]: whoever leaves with changes is asked. [data-typed]: what the server shows
// again differs from what is stored.
const form = document.querySelector("form[data-leaving]");
const says = form.querySelector("[data-saved-state]");
const PASSING = [
  "csrfmiddlewaretoken", "seen", "overlap_hours", "secret", "organization_id", "preview_of",
  "preview_chosen",
];

let leaves = false;

function content() {
  const data = new FormData(form);
  for (const name of PASSING) data.delete(name);
  return JSON.stringify([...data]);
}

let start = content();
const isChanged = () => "typed" in form.dataset || content() !== start;

function tell() {
  const text = isChanged() ? "Not saved yet" : "";
  if (says.textContent !== text) says.textContent = text;
}

form.addEventListener("input", tell);
form.addEventListener("change", tell);
form.addEventListener("submit", () => { leaves = true; });
window.addEventListener("pageshow", () => { leaves = false; });

window.addEventListener("beforeunload", (event) => {
  if (!leaves && isChanged()) event.preventDefault();
});

// A value that was asked for is no change. Nobody can type between these two.
let wasChanged = false;
form.addEventListener("htmx:beforeSwap", () => { wasChanged = isChanged(); });
form.addEventListener("htmx:afterSwap", () => { if (!wasChanged) start = content(); });
tell();
