/** The tabs that show what the models see and do: parsing and explain. They ask only while their tab is open. */

import * as api from "./api.js";
import { problem, status } from "./announce.js";
import { byId, icon, make, plain } from "./dom.js";
import { download, stem } from "./pictures.js";
import { toJson } from "./skeleton.js";

const PAUSE_MS = 350;

/** Asks again some time after the document came to rest, and drops responses that came too late. */
class Insight {
  #timer = 0;
  #asked = "";

  /** @param {import("./state.js").Store} store @param {string} tab */
  constructor(store, tab) {
    this.store = store;
    this.pane = byId(`pane-${tab}`);
    store.subscribe(() => {
      clearTimeout(this.#timer);
      if (store.session.tab === tab && store.session.photo && !store.previewing)
        this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
      this.changed();
    });
  }

  /** What the response depends on; the same key is not asked for twice. @returns {string} */
  key() {
    throw new Error("an insight has a key");
  }

  /** Asks the service. @returns {Promise<() => void>} what shows the response */
  async ask() {
    throw new Error("an insight asks");
  }

  /** Called after every change of the document or session. */
  changed() {}

  async #ask() {
    const key = `${this.store.session.photo?.url} ${this.store.session.model} ${this.key()}`;
    if (key === this.#asked) return;
    this.#asked = key;
    this.pane.setAttribute("aria-busy", "true");
    try {
      const show = await this.ask();
      if (key === this.#asked) show();
    } catch (error) {
      if (key !== this.#asked) return;
      this.#asked = "";
      problem(error);
    }
    if (key === this.#asked || !this.#asked) this.pane.setAttribute("aria-busy", "false");
  }
}

export class ParsingPane extends Insight {
  /** @type {?{picture: string, photo: ?string, of: "photo" | "result"}} the response that is shown, and what it is of */
  #response = null;
  /** @type {"photo" | "result"} */ #of = "photo";

  /** @param {import("./state.js").Store} store @param {import("./drawing.js").Drawing} drawing */
  constructor(store, drawing) {
    super(store, "parsing");
    this.drawing = drawing;
    this.over = make("input", { type: "checkbox", checked: true, onchange: () => this.changed() });
    const which = make("fieldset", { class: "segments two" }, make("legend", {}, "Parts in the"));
    for (const [value, label] of /** @type {const} */ ([
      ["photo", "Photo"],
      ["result", "Result's pose"],
    ])) {
      const onchange = () => {
        this.#of = value;
        store.set({});
      };
      const input = make("input", { type: "radio", name: "parts-of", value, checked: value === this.#of, onchange });
      which.append(make("label", {}, input, make("span", {}, label)));
    }
    this.map = make("img", { alt: "", class: "insight", hidden: true });
    this.legend = make("ul", { class: "legend" });
    this.save = make(
      "button",
      { type: "button", class: "tool", disabled: true, onclick: () => this.#download() },
      icon("download"),
      "PNG",
    );
    const file = make("input", { type: "file", accept: "image/png", onchange: () => void this.#paint(file) });
    this.painted = make("img", { alt: "", class: "insight", hidden: true });
    this.pane.append(
      make("div", { class: "pane-head" }, make("h3", {}, "Parts of the person"), this.save),
      make(
        "p",
        { class: "quiet" },
        "Which part each pixel shows, as the package's parser sees it. Garment and texture use it.",
      ),
      which,
      make("div", { class: "switches" }, make("label", {}, this.over, "Lay it over the picture")),
      this.map,
      this.legend,
      make(
        "details",
        {},
        make("summary", {}, "Paint an edited map"),
        make("p", { class: "quiet" }, "Change the PNG's regions in an image editor, and let a model of pise or tfjr paint them."),
        make("label", { class: "inline" }, "Parsing map", file),
        this.painted,
      ),
    );
  }

  async #paint(/** @type {any} */ input) {
    const parsing = input.files[0];
    if (!parsing) return;
    const { target, background } = this.store.doc;
    const how = { pose: target && toJson(target), background, format: "png", maxSide: null, model: this.store.session.model };
    status("Painting the map …");
    try {
      const { blob } = await this.drawing.withSource((id) => api.paint(id, parsing, /** @type {any} */ (how)));
      this.painted.src = URL.createObjectURL(blob);
      this.painted.alt = "The person painted into the map";
      this.painted.hidden = false;
      status("The map is painted.");
    } catch (error) {
      problem(error);
    }
    input.value = "";
  }

  key() {
    const { sourcePose, target } = this.store.doc;
    return `${this.#of} ${JSON.stringify(sourcePose)} ${this.#of === "result" ? JSON.stringify(target) : ""}`;
  }

  changed() {
    const { tab, photo } = this.store.session;
    const there = tab === "parsing" && this.over?.checked && this.#response?.photo === photo?.url ? this.#response : null;
    for (const of of ["photo", "result"]) {
      const veil = byId(`${of}-parts`);
      const response = there?.of === of && !(of === "result" && this.store.previewing) ? there : null;
      veil.hidden = !response;
      if (response && veil.getAttribute("src") !== response.picture) veil.src = response.picture;
    }
  }

  async ask() {
    const photo = this.store.session.photo?.url ?? null;
    const of = this.#of;
    const pose = of === "result" && this.store.doc.target ? toJson(this.store.doc.target) : null;
    status("Finding the parts of the person …");
    const response = await this.drawing.withSource((id) => api.parse(id, pose, this.store.session.model));
    return () => {
      this.#response = { picture: response.picture, photo, of };
      this.map.src = response.picture;
      this.map.alt = `Parsing map: ${response.labels.map(({ name }) => plain(name)).join(", ")}`;
      this.map.hidden = false;
      this.save.disabled = false;
      const rows = response.labels
        .filter(({ share }) => share > 0)
        .sort((a, b) => b.share - a.share)
        .map(({ name, color, share }) => {
          const dot = make("i", { "aria-hidden": "true" });
          dot.style.background = `rgb(${color.join(" ")})`;
          return make("li", {}, dot, make("span", {}, plain(name)), make("b", {}, `${(100 * share).toFixed(1)} %`));
        });
      this.legend.replaceChildren(...rows);
      status("The parts are found.");
      this.changed();
    };
  }

  #download() {
    if (!this.#response) return;
    const bytes = Uint8Array.from(atob(this.#response.picture.split(",")[1]), (char) => char.charCodeAt(0));
    const blob = new Blob([bytes], { type: "image/png" });
    download(blob, `${stem(this.store.session.photo?.name ?? "photo")}-parsing.png`);
  }
}

export class ExplainPane extends Insight {
  /** @param {import("./state.js").Store} store @param {import("./drawing.js").Drawing} drawing */
  constructor(store, drawing) {
    super(store, "explain");
    this.drawing = drawing;
    this.list = make("div", { class: "explained" });
    this.pane.append(
      make("div", { class: "pane-head" }, make("h3", {}, "Where the result comes from")),
      make("p", { class: "quiet" }, "What the model works with on its way to the picture; it follows the pose."),
      this.list,
    );
  }

  key() {
    return `${JSON.stringify(this.store.doc.sourcePose)} ${JSON.stringify(this.store.doc.target)}`;
  }

  async ask() {
    const target = /** @type {import("./skeleton.js").Pose} */ (this.store.doc.target);
    status("Asking the model how it draws …");
    const { pictures } = await this.drawing.withSource((id) =>
      api.explain(id, toJson(target), this.store.session.model),
    );
    return () => {
      const figures = pictures.map(({ name, title, picture }) =>
        make(
          "figure",
          {},
          make("img", { src: picture, alt: plain(name) }),
          make("figcaption", {}, title ?? plain(name)),
        ),
      );
      this.list.replaceChildren(...figures);
      status("Explained.");
    };
  }
}
