// The event feed asks for news every few seconds (#news); here: when it should not, which rows are
// new, and one quiet word about them.
const REST_FROM_MS = 2_000;
const REST_MOST_MS = 60_000;
const MARKED_MS = 6_000;
const SAY_AT_MOST_EVERY_MS = 10_000;
const AT_THE_TOP_PX = 120;
const rows = () => [...document.querySelectorAll("#feed tr[id^=event-]")];
const rowsById = () => new Map(rows().map((row) => [row.id, row]));

let isPaused = false;
let rest = { ms: REST_FROM_MS, until: 0 };
let known = new Map();
let unsaid = 0;
let isSaying = false;

function showState() {
  const controls = document.getElementById("feed-live");
  if (!controls) return;
  controls.hidden = !document.querySelector("#news[hx-get]");
  const state = isPaused ? "paused" : rest.ms > REST_FROM_MS ? "away" : "live";
  for (const part of controls.querySelectorAll("[data-when]")) {
    const isHidden = !part.dataset.when.split(" ").includes(state);
    if (part.hidden !== isHidden) part.hidden = isHidden;
  }
}

function say(count) {
  unsaid += count;
  if (isSaying || !unsaid) return;
  isSaying = true;
  document.getElementById("feed-said").textContent = `${unsaid} new event${unsaid === 1 ? "" : "s"}`;
  unsaid = 0;
  setTimeout(() => { isSaying = false; say(0); }, SAY_AT_MOST_EVERY_MS);
}

function mark(row) {
  row.dataset.fresh = "";
  setTimeout(() => row.removeAttribute("data-fresh"), MARKED_MS);
}

// A row that is told again stands where it stood, with its new state; one in use stays as it is.
function settle() {
  let count = 0;
  for (const row of rows()) {
    const old = known.get(row.id);
    if (!old) {
      mark(row);
      count += 1;
    } else if (old !== row && old.isConnected) {
      if (old.contains(document.activeElement)) row.remove();
      else old.replaceWith(row);
    }
  }
  for (const body of document.querySelectorAll("#feed tbody:not([id])")) {
    if (!body.rows.length) body.remove();
  }
  known = rowsById();
  say(count);
}

const isPoll = (event) => event.detail.elt?.id === "news";

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-feed-pause]")) return;
  isPaused = !isPaused;
  showState();
  document.querySelector("[data-feed-pause]:not([hidden])").focus();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isPoll(event)) return;
  const isAway = document.hidden || scrollY > AT_THE_TOP_PX;
  if (isPaused || isAway || Date.now() < rest.until) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const poll = event.detail.requestConfig?.elt;
  if (poll?.id !== "news") return;
  if (!poll.isConnected || isPaused) event.detail.shouldSwap = false; // other filters by now
  known = rowsById();
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.requestConfig?.elt.id === "news") settle();
  showState();
});

for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (!isPoll(event)) return;
    if ([403, 404].includes(event.detail.xhr?.status)) location.reload();
    rest = { ms: Math.min(rest.ms * 2, REST_MOST_MS), until: Date.now() + rest.ms };
    showState();
  });
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (!isPoll(event) || !event.detail.successful) return;
  rest = { ms: REST_FROM_MS, until: 0 };
  showState();
});

showState();
