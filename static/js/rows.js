// A click anywhere in a row is one on its link; what lies above that link, to say more when it is
// pointed at, passes it on. Whoever marks text to copy it goes nowhere.
const OWN = "a, button, input, select, summary, label, details";

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  const link = row?.querySelector("a.row");
  if (!link || event.defaultPrevented || event.button !== 0 || event.target.closest(OWN)) return;
  if (getSelection().type === "Range") return;
  const { ctrlKey, metaKey, shiftKey } = event;
  const options = { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey };
  link.dispatchEvent(new MouseEvent("click", options));
});
