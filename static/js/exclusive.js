// [data-excludes="id"]: while it has a value, that other control is greyed out, and the text that
// describes both says why.
document.addEventListener("input", (event) => {
  const used = event.target.closest("[data-excludes]");
  if (!used) return;
  const other = document.getElementById(used.dataset.excludes);
  const why = document.getElementById(used.getAttribute("aria-describedby"));
  other.disabled = used.value.trim() !== "";
  why.hidden = !other.disabled;
  why.textContent = used.dataset.why;
});
