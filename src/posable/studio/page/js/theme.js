/** Light and dark: the system's, until the button says otherwise. */

const KEY = "posable-studio-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {HTMLElement} button */
export function followTheme(button) {
  const chosen = () => localStorage.getItem(KEY) ?? (dark.matches ? "dark" : "light");
  const apply = () => (document.documentElement.dataset.theme = chosen());
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, chosen() === "dark" ? "light" : "dark");
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}
