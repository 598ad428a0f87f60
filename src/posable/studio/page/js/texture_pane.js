/** The tab for textures: a pattern, drawn here or given as a picture, on a part of the person. */

import { byId, icon, make, plain } from "./dom.js";
import { offButton, percent, regionChoice, slider } from "./look_controls.js";
import { PATTERNS, drawSwatch, patternBlob } from "./patterns.js";
import { choose, material, takeDrops } from "./pictures.js";

export class TexturePane {
  /** @type {{region: string, mask: ?string, scale: number, strength: number}} */
  #settings = { region: "upper", mask: null, scale: 1, strength: 1 };
  /** @type {{patternName: ?string, seed: number}} a pattern that the service knows */ #named = {
    patternName: null,
    seed: 0,
  };
  #colors = { ground: "#f4ecdf", ink: "#c1352b" };
  /** @type {?string} key of the pattern in session.materials */ #pattern = null;
  /** @type {Map<string, HTMLElement>} */ #swatches = new Map();
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
    this.names = make("select", { id: "pattern-name", onchange: () => this.#takeNamed(this.names.value, 0) });
    this.seed = make(
      "button",
      { type: "button", class: "tool", onclick: () => this.#takeNamed(this.names.value, this.#named.seed + 1) },
      icon("again"),
      "Another",
    );
    this.dtd = make("p", { class: "quiet hint" });
    this.region = regionChoice(
      "texture-region",
      "the photo",
      (region) => this.#set({ region, mask: null }),
      (mask) => this.#set({ mask: this.store.addMaterial("texture mask", mask) }),
    );
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
      make("div", { class: "by-name" }, make("label", { for: "pattern-name" }, "By name"), this.names, this.seed),
      this.dtd,
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

  /** @param {string} patternName @param {number} seed chooses its colours, or the picture of a class */
  #takeNamed(patternName, seed) {
    if (!patternName) return;
    this.#pattern = null;
    this.#named = { patternName, seed };
    this.#set({});
  }

  #recolor(change, dragging) {
    this.#colors = { ...this.#colors, ...change };
    this.#paintSwatches();
    const { look } = this.store.doc;
    const worn = look?.kind === "texture" && look.pattern && this.store.session.materials[look.pattern];
    if (worn && this.#swatches.has(worn.name)) void this.#takeOwn(worn.name, dragging);
  }

  /** @param {import("./state.js").Material} picture */
  #take(picture, dragging = false) {
    this.#pattern = this.store.addMaterial("texture", picture);
    this.#named = { patternName: null, seed: 0 };
    this.#set({}, dragging);
  }

  /**
   * @param {{region?: string, mask?: ?string, scale?: number, strength?: number}} change @param {boolean} [dragging]
   */
  #set(change, dragging = false) {
    this.#settings = { ...this.#settings, ...change };
    if (!(this.#pattern || this.#named.patternName) || !this.store.session.photo) {
      this.#render();
      return;
    }
    const look = /** @type {const} */ ({
      kind: "texture",
      pattern: this.#pattern,
      ...this.#named,
      ...this.#settings,
    });
    if (dragging) this.store.preview({ look });
    else this.store.commit({ look });
  }

  #render() {
    const { look } = this.store.doc;
    const { materials, regions } = this.store.session;
    if (look?.kind === "texture") {
      this.#settings = { region: look.region, mask: look.mask, scale: look.scale, strength: look.strength };
      this.#pattern = look.pattern;
      this.#named = { patternName: look.patternName, seed: look.seed };
    }
    const worn = look?.kind === "texture" && look.pattern ? materials[look.pattern] : null;
    for (const [name, button] of this.#swatches) button.setAttribute("aria-pressed", String(worn?.name === name));
    const own = worn && !this.#swatches.has(worn.name) ? worn : null;
    this.picture.hidden = !own;
    this.drop.classList.toggle("filled", !!own);
    if (own && this.picture.getAttribute("src") !== own.url) this.picture.src = own.url;
    this.title.textContent = own ? own.name : "Your own fabric";
    this.#renderNames();
    const { region, mask } = this.#settings;
    this.region.render(regions, region, mask ? materials[mask] : null);
    this.scale.render(this.#settings.scale);
    this.strength.render(this.#settings.strength);
    this.off.disabled = look?.kind !== "texture";
  }

  #renderNames() {
    const { patterns, dtdClasses } = this.store.session;
    const names = [...patterns, ...dtdClasses].join(" ");
    if (this.names.dataset.names !== names) {
      this.names.dataset.names = names;
      const options = (list) => list.map((name) => make("option", { value: name }, plain(name)));
      this.names.replaceChildren(
        make("option", { value: "" }, "choose …"),
        make("optgroup", { label: "posable's own" }, ...options(patterns)),
      );
      if (dtdClasses.length)
        this.names.append(make("optgroup", { label: "Describable Textures" }, ...options(dtdClasses)));
      this.dtd.textContent = dtdClasses.length
        ? ""
        : "The 47 classes of the Describable Textures (DTD) join this list when the studio starts with --dtd FOLDER.";
    }
    this.names.value = this.#named.patternName ?? "";
    this.seed.disabled = !this.#named.patternName;
  }
}
