/** What the garment and texture tabs share: the choice of a region or mask, sliders, and the undressing button. */

import { icon, make, plain } from "./dom.js";
import { choose, material } from "./pictures.js";

/** @typedef {import("./state.js").Material} Material */

/**
 * Radio buttons for the parts of a person, and a button for a mask that takes their place.
 * @param {string} group a name that no other group has @param {string} whose the picture that a mask lies in
 * @param {(region: string) => void} onChoose @param {(mask: Material) => void} onMask
 */
export function regionChoice(group, whose, onChoose, onMask) {
  const set = make("fieldset", { class: "chips" }, make("legend", {}, "Part of the person"));
  const mask = make(
    "button",
    {
      type: "button",
      class: "tool mask",
      "aria-pressed": "false",
      title: `White on black, of the size of ${whose}`,
      onclick: () => choose("image/*", (file) => onMask(material(file, file.name))),
    },
    icon("upload"),
  );
  const words = make("span", {});
  mask.append(words);
  return {
    element: make("div", { class: "where" }, set, mask),
    /** @param {string[]} regions @param {string} region @param {?Material} given */
    render(regions, region, given) {
      const chosen = given ? "" : region;
      mask.setAttribute("aria-pressed", String(!!given));
      words.textContent = given ? `Mask: ${given.name}` : "A mask instead …";
      const names = regions.join(" ");
      if (set.dataset.names !== names) {
        set.dataset.names = names;
        const chips = regions.map((name) => {
          const input = make("input", { type: "radio", name: group, value: name, onchange: () => onChoose(name) });
          return make("label", {}, input, make("span", {}, plain(name)));
        });
        set.replaceChildren(set.firstChild, ...chips);
      }
      for (const input of set.querySelectorAll("input")) input.checked = input.value === chosen;
    },
  };
}

/**
 * A slider with its value in words.
 * @param {{label: string, min: number, max: number, step: number, show: (value: number) => string}} range
 * @param {(value: number, dragging: boolean) => void} onChange
 */
export function slider({ label, min, max, step, show }, onChange) {
  const output = make("output", {});
  const input = make("input", { type: "range", min, max, step });
  const tell = () => {
    output.textContent = show(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => (tell(), onChange(Number(input.value), true)));
  input.addEventListener("change", () => onChange(Number(input.value), false));
  return {
    element: make("label", { class: "slider" }, make("span", {}, label), output, input),
    /** @param {number} value */
    render(value) {
      if (document.activeElement !== input || Number(input.value) !== value) input.value = String(value);
      tell();
    },
  };
}

/** The button that takes a look off again. @param {string} label @param {() => void} onClick */
export function offButton(label, onClick) {
  return make("button", { type: "button", class: "tool", disabled: true, onclick: onClick }, icon("close"), label);
}

export const percent = (value) => `${Math.round(value * 100)} %`;
