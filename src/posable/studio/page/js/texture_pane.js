/** The tab for textures: a pattern, drawn here or given as a picture, on a part of the person. */

import { byId, icon, make } from "./dom.js";
import { offButton, percent, regionChoice, slider } from "./look_controls.js";
import { PATTERNS, drawSwatch, patternBlob } from "./patterns.js";
import { choose, material, takeDrops } from "./pictures.js";

export class TexturePane {
  #settings = { region: "upper", scale: 1, strength: 1 };
  #colors = { ground: "#f4ecdf", ink: "#c1352b" };
  /** @type {?string} key of the pattern in session.materials */ #pattern = null;
  /** @type {Map<string, HTMLElement>} */ #swatches = new Map();
  #count = 0;
  /** @type {ReturnType<typeof regionChoice>} */ region;
  /** @type {ReturnType<typeof slider>} */ scale;
  /** @type {ReturnType<typeof slider>} */ strength;

  /** @param {import("./state.js").Store} store */
  constructor(store) {
    this.store = store;
    this.#build();
    store.subscribe(() => this.#render());
    this.#render();
  }

  #build() {
    this.swatches = make("ul", { class: "swatches" });
    for (const name of PATTERNS) {
      const button = make(
        "button",
        { type: "button", title: name, onclick: () => this.#takeOwn(name) },
        make("span", { class: "sr" }, name),
      );
      this.#swatches.set(name, button);
      this.swatches.append(make("li", {}, button));
    }
    const color = (key, label) => {
      const input = make("input", { type: "color", value: this.#colors[key] });
      input.addEventListener("input", () => this.#recolor({ [key]: input.value }, true));
      input.addEventListener("change", () => this.#recolor({ [key]: input.value }, false));
      return make("label", { class: "color" }, input, label);
    };
    this.picture = make("img", { alt: "", hidden: true });
    this.title = make("b");
    this.drop = make(
      "button",
      {
        type: "button",
        class: "mini-drop",
        onclick: () => choose("image/*", (file) => this.#take(material(file, file.name))),
      },
      icon("photo"),
      this.picture,
      make("span", {}, this.title, make("small", {}, "drop a picture of it here, or choose one")),
    );
    takeDrops(this.drop, (file) => this.#take(material(file, file.name)));
    this.region = regionChoice("texture-region", (region) => this.#set({ region }));
    this.scale = slider(
      { label: "Scale", min: 0.25, max: 4, step: 0.05, show: (value) => `× ${value.toFixed(2)}` },
      (scale, dragging) => this.#set({ scale }, dragging),
    );
    this.strength = slider({ label: "Strength", min: 0, max: 1, step: 0.05, show: percent }, (strength, dragging) =>
      this.#set({ strength }, dragging),
    );
    this.off = offButton("Own fabric again", () => this.store.commit({ look: null }));
    byId("pane-texture").append(
      make("div", { class: "pane-head" }, make("h3", {}, "Fabric"), this.off),
      this.swatches,
      make("div", { class: "colors" }, color("ground", "Ground"), color("ink", "Print")),
      this.drop,
      this.region.element,
      this.scale.element,
      this.strength.element,
    );
    this.#paintSwatches();
  }

  #paintSwatches() {
    for (const [name, button] of this.#swatches) {
      button.querySelector("canvas")?.remove();
      button.append(drawSwatch(name, this.#colors.ground, this.#colors.ink));
    }
  }

  async #takeOwn(name, dragging = false) {
    const { ground, ink } = this.#colors;
    this.#take(material(await patternBlob(name, ground, ink), name), dragging);
  }

  #recolor(change, dragging) {
    this.#colors = { ...this.#colors, ...change };
    this.#paintSwatches();
    const { look } = this.store.doc;
    const worn = look?.kind === "texture" && this.store.session.materials[look.pattern];
    if (worn && this.#swatches.has(worn.name)) void this.#takeOwn(worn.name, dragging);
  }

  /** @param {import("./state.js").Material} picture */
  #take(picture, dragging = false) {
    const key = `texture ${++this.#count}`;
    this.store.set({ materials: { ...this.store.session.materials, [key]: picture } });
    this.#pattern = key;
    this.#set({}, dragging);
  }

  /** @param {{region?: string, scale?: number, strength?: number}} change @param {boolean} [dragging] */
  #set(change, dragging = false) {
    this.#settings = { ...this.#settings, ...change };
    if (!this.#pattern || !this.store.session.photo) {
      this.#render();
      return;
    }
    const look = /** @type {const} */ ({ kind: "texture", pattern: this.#pattern, ...this.#settings });
    if (dragging) this.store.preview({ look });
    else this.store.commit({ look });
  }

  #render() {
    const { look } = this.store.doc;
    const { materials, regions } = this.store.session;
    if (look?.kind === "texture") {
      this.#settings = { region: look.region, scale: look.scale, strength: look.strength };
      this.#pattern = look.pattern;
    }
    const worn = look?.kind === "texture" ? materials[look.pattern] : null;
    for (const [name, button] of this.#swatches) button.setAttribute("aria-pressed", String(worn?.name === name));
    const own = worn && !this.#swatches.has(worn.name) ? worn : null;
    this.picture.hidden = !own;
    this.drop.classList.toggle("filled", !!own);
    if (own && this.picture.getAttribute("src") !== own.url) this.picture.src = own.url;
    this.title.textContent = own ? own.name : "Your own fabric";
    this.region.render(regions, this.#settings.region);
    this.scale.render(this.#settings.scale);
    this.strength.render(this.#settings.strength);
    this.off.disabled = look?.kind !== "texture";
  }
}
