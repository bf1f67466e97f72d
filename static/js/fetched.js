// What htmx brings. A dialog[data-fetched] opens at once and is gone when closed; its menu closes
// before, so that the focus comes back to what can be seen. A request that failed is told.
import { warn } from "./toasts.js";

document.addEventListener("htmx:load", ({ target }) => {
  if (!target.matches?.("dialog[data-fetched]")) return;
  const menu = document.activeElement?.closest("details.menu[open]");
  if (menu) {
    menu.querySelector("summary").focus();
    menu.open = false;
  }
  target.showModal();
});

document.addEventListener(
  "close",
  ({ target }) => {
    if (target.matches("dialog[data-fetched]")) target.remove();
  },
  true, // the event does not bubble
);

const isPoll = ({ detail }) => detail.elt?.id === "news"; // the feed tells of those itself

for (const [name, text] of [
  ["htmx:sendError", "The server did not answer. Try again."],
  ["htmx:responseError", "That did not work. Load the page again."],
]) document.addEventListener(name, (event) => { if (!isPoll(event)) warn(text); });
