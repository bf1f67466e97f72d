// Swagger has dark colours of its own, for a class: it follows the theme that was chosen here, or
// else the browser's.
const root = document.documentElement;
const scheme = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : scheme.matches;
  root.classList.toggle("dark-mode", isDark);
}

scheme.addEventListener("change", follow);
new MutationObserver(follow).observe(root, { attributeFilter: ["data-theme"] });
follow();
