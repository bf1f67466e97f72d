// form[data-busy="word"] says while it is being sent that it works on it, and is sent once.
document.addEventListener("submit", ({ target: form }) => {
  if (!form.dataset.busy) return;
  const button = form.querySelector("button:not([type])");
  const label = button.querySelector("span");
  button.dataset.label = label.textContent;
  label.textContent = form.dataset.busy;
  button.disabled = true;
  form.setAttribute("aria-busy", "true");
});

// Back to this page: the browser may bring it as it was left.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-busy][aria-busy]")) {
    const button = form.querySelector("button:not([type])");
    button.querySelector("span").textContent = button.dataset.label;
    button.disabled = false;
    form.removeAttribute("aria-busy");
  }
});
