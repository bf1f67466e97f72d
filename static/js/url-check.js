// [data-check="id"]: what the server says of a field while it is typed is told by the field as
// well. And the words beside "More" follow the choices inside.
document.addEventListener("htmx:afterSwap", (event) => {
  const id = event.target.dataset?.check;
  if (!id) return;
  const input = document.getElementById(id);
  const error = event.target.querySelector(".error");
  input.toggleAttribute("aria-invalid", Boolean(error));
  if (error) input.setAttribute("aria-invalid", "true");
  const told = [document.getElementById(`${id}_helptext`), error].filter(Boolean);
  if (told.length) input.setAttribute("aria-describedby", told.map((part) => part.id).join(" "));
  else input.removeAttribute("aria-describedby");
});

document.addEventListener("change", (event) => {
  const shown = event.target.id && document.querySelector(`[data-shows="${event.target.id}"]`);
  if (shown) shown.textContent = event.target.selectedOptions[0].textContent;
});
