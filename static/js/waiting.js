// A request that takes longer than a moment is shown: a line under the top bar, and what it is to
// renew grows pale. Polls are nobody's wait.
const MOMENT_MS = 300;
const waits = new Map(); // request -> its timer, its target

const show = () => document.documentElement.toggleAttribute(
  "data-waiting", [...waits.values()].some((wait) => wait.isShown));

document.addEventListener("htmx:beforeSend", ({ detail }) => {
  if (detail.elt.id === "news") return;
  const wait = { target: detail.target, isShown: false };
  wait.timer = setTimeout(() => {
    wait.isShown = true;
    wait.target?.setAttribute("aria-busy", "true");
    show();
  }, MOMENT_MS);
  waits.set(detail.xhr, wait);
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const wait = waits.get(detail.xhr);
  if (!wait) return;
  clearTimeout(wait.timer);
  waits.delete(detail.xhr);
  wait.target?.removeAttribute("aria-busy");
  show();
});
