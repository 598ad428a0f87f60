/** The tab for poses: presets, the pose of somebody in another photo, pose files, and tools for the skeleton. */

import * as api from "./api.js";
import { attempt, noProblem, say, status } from "./announce.js";
import { byId, icon, make, plain } from "./dom.js";
import { choose, takeDrops } from "./pictures.js";
import { JOINTS, flipped, fromJson, shows, spoken, withShown } from "./skeleton.js";
import { thumbnail } from "./thumbnails.js";

/** @typedef {import("./state.js").Store} Store */

const BACKGROUNDS = {
  keep: "The photograph's own",
  drawn: "As the model draws it",
  plain: "Plain grey",
  transparent: "Transparent",
};
const MOVES = { limb: "Limb", turn: "Turn", joint: "Joint" };
const MOVES_TITLES = {
  limb: "A joint takes along what hangs on it",
  turn: "A joint turns about the one that it hangs on; limbs keep their length",
  joint: "A joint moves alone",
};

export class PosePane {
  /** @type {"limb" | "turn" | "joint"} what a drag moves */ how = "limb";
  /** @type {Map<string, HTMLElement>} */ #presets = new Map();
  /** @type {Map<string, HTMLInputElement>} */ #joints = new Map();
  #retarget = true;
  #picking = false;
  #picked = new Set();
  /** Counts up; of several poses that are asked for, the newest is taken. */ #asked = 0;

  /**
   * @param {Store} store @param {import("./drawing.js").Drawing} drawing
   * @param {{drawStrip: (names: string[]) => void, savePose: () => void, onward: () => void}} actions
   */
  constructor(store, drawing, actions) {
    this.store = store;
    this.drawing = drawing;
    this.actions = actions;
    this.#build();
    store.subscribe(() => this.#render());
    this.#render();
  }

  /** Takes a pose over as the target: a preset's name, or a pose file's content. */
  async take(pose, preset = null) {
    return attempt(async () => {
      const { photo } = this.store.session;
      if (!photo) throw new Error("Choose a photo first; the pose is then drawn with its person.");
      const asked = ++this.#asked;
      const placed = await this.drawing.withSource((id) => api.place(id, pose, this.#retarget));
      if (asked !== this.#asked || photo !== this.store.session.photo) return false;
      noProblem();
      this.store.commit({ target: fromJson(placed), preset });
      return true;
    });
  }

  /** Takes the pose of a photo, or of a pose file. @param {File} file */
  async takeFile(file) {
    if (/\.json$/i.test(file.name) || file.type === "application/json") {
      await attempt(async () => {
        const text = await file.text();
        await this.take(parsed(text, file.name));
      });
      return;
    }
    status("Looking for the pose …");
    await attempt(async () => {
      const found = await api.detect(file);
      if (await this.take(found.pose))
        status([...(found.messages ?? []), `This is the pose of ${file.name}.`].join(" "));
    });
  }

  flip() {
    const { target } = this.store.doc;
    if (!target) return;
    this.store.commit({ target: flipped(target), preset: null });
    say("The pose is flipped.");
  }

  reset() {
    const { sourcePose } = this.store.doc;
    if (sourcePose) this.store.commit({ target: sourcePose, preset: null });
    say("The pose is the photo's own again.");
  }

  #build() {
    const tool = (label, name, action, title) =>
      make("button", { type: "button", class: "tool", title, onclick: action }, icon(name), label);
    const loadPose = () => choose("application/json,.json,image/*", (file) => this.takeFile(file));
    this.grid = make("ul", { class: "presets" });
    this.pickBar = make("div", { class: "pick-bar", hidden: true });
    this.stripButton = tool(
      "Draw many",
      "strip",
      () => this.#pick(!this.#picking),
      "Choose several poses and draw them all",
    );
    this.stripButton.setAttribute("aria-pressed", "false");
    const drop = make(
      "button",
      { type: "button", class: "mini-drop", onclick: loadPose },
      icon("upload"),
      make("span", {}, make("b", {}, "Pose from a photo or file"), make("small", {}, "drop it here, or choose one")),
    );
    takeDrops(drop, (file) => this.takeFile(file));
    const move = make("fieldset", { class: "segments" }, make("legend", {}, "A drag moves"));
    for (const [value, label] of Object.entries(MOVES)) {
      const input = make("input", {
        type: "radio",
        name: "how",
        value,
        checked: value === this.how,
        onchange: () => (this.how = /** @type {any} */ (value)),
      });
      move.append(make("label", { title: MOVES_TITLES[value] }, input, make("span", {}, label)));
    }
    this.background = make("select", { onchange: () => this.store.commit({ background: this.background.value }) });
    for (const [value, label] of Object.entries(BACKGROUNDS)) {
      this.background.append(make("option", { value }, label));
    }
    this.turn = make("input", {
      type: "range",
      min: "-180",
      max: "180",
      step: "5",
      value: "0",
      "aria-label": "Turn the camera around the person, degrees",
      onchange: () => void this.take({ turn: Number(this.turn.value) }, null),
    });
    this.fit = make("input", { type: "checkbox", checked: true, onchange: () => (this.#retarget = this.fit.checked) });
    const joints = make("ul", { class: "joint-list" });
    for (const name of JOINTS) {
      const box = make("input", { type: "checkbox", onchange: () => this.#showJoint(name, box.checked) });
      this.#joints.set(name, box);
      joints.append(make("li", {}, make("label", {}, box, spoken(name))));
    }
    byId("pane-pose").append(
      make("div", { class: "pane-head" }, make("h3", {}, "Presets"), this.stripButton),
      this.pickBar,
      this.grid,
      drop,
      make(
        "div",
        { class: "tool-row" },
        tool("Flip", "flip", () => this.flip(), "Mirror the pose (F)"),
        tool("Reset", "reset", () => this.reset(), "Back to the photo's own pose"),
        tool("Save pose", "download", () => this.actions.savePose(), "Download the pose as JSON"),
        tool("Go on from result", "again", () => this.actions.onward(), "Take the result as the photo"),
      ),
      move,
      make(
        "div",
        { class: "switches" },
        make(
          "label",
          { title: "Poses get this person's limb lengths, size and place" },
          this.fit,
          "Fit poses to this person",
        ),
        make("label", { class: "inline", title: "The camera walks around the person as photographed" }, "Turn", this.turn),
        make(
          "label",
          { class: "inline", title: "What is seen around the person" },
          "Background",
          this.background,
        ),
      ),
      make(
        "details",
        {},
        make("summary", {}, "Joints"),
        make("p", { class: "quiet" }, "A hidden joint is left to the model."),
        joints,
      ),
    );
  }

  #showJoint(name, shown) {
    const { target } = this.store.doc;
    if (target) this.store.commit({ target: withShown(target, name, shown) });
  }

  #pick(on) {
    this.#picking = on;
    if (on && !this.#picked.size) this.#picked = new Set(this.#presets.keys());
    this.stripButton.setAttribute("aria-pressed", String(on));
    this.#render();
  }

  #press(name) {
    if (!this.#picking) {
      void this.take(name, name);
      return;
    }
    if (!this.#picked.delete(name)) this.#picked.add(name);
    this.#render();
  }

  #render() {
    const { session, doc } = this.store;
    if (this.#presets.size !== session.presets.length) this.#listPresets();
    for (const [name, button] of this.#presets) {
      button.setAttribute("aria-pressed", String(this.#picking ? this.#picked.has(name) : doc.preset === name));
    }
    this.grid.classList.toggle("picking", this.#picking);
    this.background.value = doc.background;
    for (const [name, box] of this.#joints) {
      box.disabled = !doc.target;
      box.checked = !!doc.target && shows(doc.target, name);
    }
    this.#renderPickBar();
  }

  #renderPickBar() {
    this.pickBar.hidden = !this.#picking;
    if (!this.#picking) return;
    const all = this.#picked.size === this.#presets.size;
    const count = this.#picked.size;
    const draw = make(
      "button",
      { type: "button", class: "primary", disabled: !count || !this.store.session.photo },
      `Draw ${count} ${count === 1 ? "pose" : "poses"}`,
    );
    draw.addEventListener("click", () =>
      this.actions.drawStrip([...this.#presets.keys()].filter((name) => this.#picked.has(name))),
    );
    const toggle = make("button", { type: "button", class: "link" }, all ? "None" : "All");
    toggle.addEventListener("click", () => {
      this.#picked = new Set(all ? [] : this.#presets.keys());
      this.#render();
    });
    const key = `${count} ${all} ${!!this.store.session.photo}`;
    if (this.pickBar.dataset.key !== key) {
      const hadFocus = this.pickBar.contains(document.activeElement);
      this.pickBar.dataset.key = key;
      this.pickBar.replaceChildren(draw, toggle);
      if (hadFocus) toggle.focus();
    }
  }

  #listPresets() {
    this.#presets = new Map();
    const items = this.store.session.presets.map(({ name, pose }) => {
      const button = make(
        "button",
        { type: "button", class: "preset", onclick: () => this.#press(name) },
        thumbnail(pose),
        make("span", {}, plain(name)),
        make("i", { class: "tick", "aria-hidden": "true" }, icon("check")),
      );
      this.#presets.set(name, button);
      return make("li", {}, button);
    });
    this.grid.replaceChildren(...items);
  }
}

function parsed(text, name) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name} is broken JSON; get a whole copy, or save the pose again.`);
  }
}
