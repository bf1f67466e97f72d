// What the server says of a URL while it is typed is told by its field as well; and the word
// beside "More" follows the choice inside.
document.addEventListener("htmx:afterSwap", (event) => {
  const id = event.target.dataset?.check;
  if (!id) return;
  const input = document.getElementById(id);
  const error = event.target.querySelector(".error");
  input.toggleAttribute("aria-invalid", Boolean(error));
  if (error) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", error.id);
  } else input.removeAttribute("aria-describedby");
});

document.addEventListener("change", (event) => {
  const shown = event.target.id && document.querySelector(`[data-shows="${event.target.id}"]`);
  if (shown) shown.textContent = event.target.value;
});
