// [data-copy="text"] copies it; [data-copies="id"] copies the text of that element.
import { say, warn } from "./toasts.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copies]");
  if (!button) return;
  event.preventDefault();
  const source = button.dataset.copies && document.getElementById(button.dataset.copies);
  const text = source ? textOf(source) : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    warn("Your browser did not allow copying. Select the text instead.");
  }
});

function textOf(element) {
  const lines = [...element.querySelectorAll(".line")];
  return lines.length ? lines.map((line) => line.textContent).join("\n") : element.textContent;
}
