/** Tabs as listeners know them: one stop of the Tab key, arrows go between them. */

import { byId } from "./dom.js";

/** @param {HTMLElement} list a role=tablist @param {(name: string) => void} onOpen gets the part of the id after "tab-" */
export function tabs(list, onOpen) {
  const all = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]);
  const open = (tab) => {
    for (const other of all) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      byId(other.getAttribute("aria-controls") ?? "").hidden = !chosen;
    }
    onOpen(tab.id.replace("tab-", ""));
  };
  for (const [index, tab] of all.entries()) {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const goal = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: all.length - 1 }[event.key];
      if (goal === undefined) return;
      event.preventDefault();
      const next = all[(goal + all.length) % all.length];
      open(next);
      next.focus();
    });
  }
}
