// say(text) shows a message for a while and reads it out; those of the server go after ten seconds.
const SHOWN_MS = 4_000;
const SERVED_MS = 10_000;
const toasts = document.querySelector(".toasts");

export function say(text) {
  const toast = Object.assign(document.createElement("p"), { className: "toast", textContent: text });
  toasts.append(toast);
  setTimeout(() => toast.remove(), SHOWN_MS);
}

for (const toast of toasts.querySelectorAll(".toast:not([data-stays])")) {
  setTimeout(() => toast.remove(), SERVED_MS);
}
