// say(text) shows a message for a while and reads it out, warn(text) one of what went wrong; those
// of the server go after ten seconds.
const SHOWN_MS = 4_000;
const SERVED_MS = 10_000;
const toasts = document.querySelector(".toasts");

export const say = (text) => show(text, SHOWN_MS);
export const warn = (text) => show(text, SERVED_MS, "failing");

function show(text, shown_ms, state = "ok") {
  const toast = Object.assign(document.createElement("p"), { className: "toast", textContent: text });
  toast.dataset.state = state;
  for (const other of toasts.querySelectorAll("p.toast")) if (other.textContent === text) other.remove();
  toasts.append(toast);
  setTimeout(() => toast.remove(), shown_ms);
}

// Whoever is in one that goes is brought back to the page.
function leave(toast) {
  if (toast.contains(document.activeElement)) document.getElementById("main").focus();
  toast.remove();
}

for (const toast of toasts.querySelectorAll(".toast:not([data-stays])")) {
  setTimeout(() => leave(toast), SERVED_MS);
}
