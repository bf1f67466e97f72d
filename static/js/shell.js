// What every page has. Each module listens on the document, so that swapped content needs no set-up.
import "./menus.js";
import "./theme.js";
import "./copy.js";
import "./dialogs.js";
import "./toasts.js";
import "./tabs.js";
import "./fetched.js";
import "./rows.js";
import "./waiting.js";

// The summary of a refused form is where its reader goes on.
document.querySelector("[data-focus]")?.focus();
