/** The tab for garments: somebody else's clothes on the person of the photo. */

import { attempt } from "./announce.js";
import { byId, icon, make } from "./dom.js";
import { offButton, percent, regionChoice, slider } from "./look_controls.js";
import { examplePeople, examplePerson } from "./photo_stage.js";
import { choose, material, takeDrops } from "./pictures.js";

export class GarmentPane {
  /** @type {{region: string, mask: ?string, strength: number}} */
  #settings = { region: "upper", mask: null, strength: 1 };
  /** @type {?string} key of the reference in session.materials */ #reference = null;
  /** @type {ReturnType<typeof regionChoice>} */ region;
  /** @type {ReturnType<typeof slider>} */ strength;

  /** @param {import("./state.js").Store} store */
  constructor(store) {
    this.store = store;
    this.#build();
    store.subscribe(() => this.#render());
    this.#render();
  }

  #build() {
    this.picture = make("img", { alt: "", hidden: true });
    this.title = make("b");
    this.hint = make("small");
    this.drop = make(
      "button",
      {
        type: "button",
        class: "mini-drop",
        onclick: () => choose("image/*", (file) => this.#take(material(file, file.name))),
      },
      icon("photo"),
      this.picture,
      make("span", {}, this.title, this.hint),
    );
    takeDrops(this.drop, (file) => this.#take(material(file, file.name)));
    this.people = make("ul", { class: "faces" });
    this.region = regionChoice(
      "garment-region",
      "the other picture",
      (region) => this.#set({ region, mask: null }),
      (mask) => this.#set({ mask: this.store.addMaterial("garment mask", mask) }),
    );
    this.strength = slider({ label: "Strength", min: 0, max: 1, step: 0.05, show: percent }, (strength, dragging) =>
      this.#set({ strength }, dragging),
    );
    this.off = offButton("Own clothes again", () => this.store.commit({ look: null }));
    byId("pane-garment").append(
      make("div", { class: "pane-head" }, make("h3", {}, "Garment from"), this.off),
      this.drop,
      make("p", { class: "quiet" }, "or from one of these people"),
      this.people,
      this.region.element,
      this.strength.element,
      make("p", { class: "quiet hint" }, "The garment follows the pose. A new tab keeps it on; a texture replaces it."),
    );
    void attempt(() => this.#listPeople());
  }

  async #listPeople() {
    for (const person of await examplePeople) {
      const wear = () => attempt(async () => this.#take(await examplePerson(person)));
      const face = make("img", { src: person.picture, alt: person.name, loading: "lazy", draggable: "false" });
      this.people.append(make("li", {}, make("button", { type: "button", title: person.name, onclick: wear }, face)));
    }
  }

  /** @param {import("./state.js").Material} picture */
  #take(picture) {
    this.#reference = this.store.addMaterial("garment", picture);
    this.#set({ mask: null });
  }

  /** @param {{region?: string, mask?: ?string, strength?: number}} change @param {boolean} [dragging] */
  #set(change, dragging = false) {
    this.#settings = { ...this.#settings, ...change };
    if (!this.#reference || !this.store.session.photo) {
      this.#render();
      return;
    }
    const look = /** @type {const} */ ({ kind: "garment", reference: this.#reference, ...this.#settings });
    if (dragging) this.store.preview({ look });
    else this.store.commit({ look });
  }

  #render() {
    const { look } = this.store.doc;
    const { materials, regions } = this.store.session;
    if (look?.kind === "garment") {
      this.#settings = { region: look.region, mask: look.mask, strength: look.strength };
      this.#reference = look.reference;
    }
    const reference = this.#reference ? materials[this.#reference] : null;
    this.picture.hidden = !reference;
    this.drop.classList.toggle("filled", !!reference);
    if (reference && this.picture.getAttribute("src") !== reference.url) this.picture.src = reference.url;
    this.title.textContent = reference ? reference.name : "Photo of somebody who wears it";
    this.hint.textContent = reference ? "choose another" : "drop it here, or choose one";
    const { region, mask } = this.#settings;
    this.region.render(regions, region, mask ? materials[mask] : null);
    this.strength.render(this.#settings.strength);
    this.off.disabled = look?.kind !== "garment";
  }
}
