/** The right side: the result under the target skeleton, comparing it with the photo, and taking it home. */

import { say, status } from "./announce.js";
import { byId, make } from "./dom.js";
import { download, material, stem } from "./pictures.js";
import { shows, spoken, toJson } from "./skeleton.js";
import { SkeletonEditor, placeOf } from "./skeleton_editor.js";

/** @typedef {import("./state.js").Store} Store */

const LONG_SECONDS = 2;
const COMPARE_HINT = "The photo is to the left of the line";
const HINT = "Drag a joint, or use Tab and arrow keys";

export class ResultStage {
  #joints = true;
  #comparing = false;
  /** Whether a download waits for the picture that is being drawn. */ #wanted = false;
  /** @type {?import("./state.js").Material} the photo that the skeleton is for */ #photo = null;
  /** @type {?string} */ #selected = null;
  /** The timer that tells how long a picture takes; 0 for none. */ #clock = 0;

  /** @param {Store} store @param {() => "limb" | "turn" | "joint"} how what a drag moves */
  constructor(store, how) {
    this.store = store;
    this.editor = new SkeletonEditor(byId("result-skeleton"), "Skeleton to draw", {
      preview: (target) => store.preview({ target, preset: null }),
      commit: (target, merge) => store.commit({ target, preset: null }, merge),
      select: (name) => this.#select(name),
      leave: () => byId("tabs").querySelector("[aria-selected=true]").focus(),
      how,
    });
    byId("show-joints").addEventListener("click", () => this.showJoints(!this.#joints));
    byId("show-compare").addEventListener("click", () => this.compare(!this.#comparing));
    byId("compare").addEventListener("input", () => this.#cut());
    byId("download").addEventListener("click", () => this.download());
    new ResizeObserver(() => this.#frame()).observe(byId("result-canvas"));
    store.subscribe(() => this.#render());
  }

  /** @param {boolean} on */
  showJoints(on) {
    this.#joints = on;
    byId("show-joints").setAttribute("aria-pressed", String(on));
    this.#render();
  }

  /** @param {boolean} on */
  compare(on) {
    this.#comparing = on;
    byId("show-compare").setAttribute("aria-pressed", String(on));
    this.#render();
    if (on) byId("compare").focus({ preventScroll: true });
  }

  toggle(what) {
    if (what === "joints") this.showJoints(!this.#joints);
    else this.compare(!this.#comparing);
  }

  download() {
    const { photo, result } = this.store.session;
    if (!photo || !result) return;
    if (this.#clock) {
      this.#wanted = true;
      return status("The picture is being drawn; it is downloaded when it is there.");
    }
    if (result.format !== "png")
      return status("Let go of the joint first; the picture is then drawn once more without loss.");
    download(result.blob, `${stem(photo.name)}-${this.store.doc.preset ?? "posed"}.png`);
    status("The picture is in your downloads.");
  }

  downloadPose() {
    const { photo } = this.store.session;
    const { target, preset } = this.store.doc;
    if (!target || !photo) return;
    const blob = new Blob([JSON.stringify(toJson(target), null, 2) + "\n"], { type: "application/json" });
    download(blob, `${preset ?? `${stem(photo.name)}-pose`}.json`);
    status("The pose is in your downloads.");
  }

  /** The result as a photo to go on from; null when there is none. */
  asPhoto() {
    const { photo, result } = this.store.session;
    const { target } = this.store.doc;
    return photo && result && target ? material(result.blob, `${stem(photo.name)}-posed.png`, toJson(target)) : null;
  }

  /** Shows whether a picture is being drawn, and for how long when it takes long. @param {boolean} yes */
  busy(yes) {
    if (yes && !this.#clock) {
      const began = performance.now();
      this.#clock = setInterval(() => {
        const seconds = (performance.now() - began) / 1000;
        if (seconds > LONG_SECONDS) byId("timing").textContent = `drawing for ${Math.round(seconds)} s …`;
      }, 500);
    } else if (!yes) {
      clearInterval(this.#clock);
      this.#clock = 0;
      this.#tellTime();
      const wanted = this.#wanted;
      this.#wanted = false;
      if (wanted) this.download();
    }
    byId("result-canvas").classList.toggle("busy", yes);
    byId("result-canvas").setAttribute("aria-busy", String(yes));
  }

  #select(name) {
    this.#selected = name;
    this.#renderJoint();
    const { target } = this.store.doc;
    if (name && target) say(`${spoken(name)}, ${placeOf(target, name)}`);
  }

  #render() {
    const { photo, result } = this.store.session;
    const { target } = this.store.doc;
    if (photo !== this.#photo) {
      this.#photo = photo;
      this.#wanted = false;
      this.editor.release();
    }
    const image = byId("result");
    image.hidden = !result;
    byId("result-empty").hidden = !!photo;
    byId("result-tools").hidden = !photo;
    if (result && image.getAttribute("src") !== result.url) {
      image.src = result.url;
      image.alt = `The person of ${photo?.name ?? "the photo"} in the pose of the skeleton`;
    }
    if (!this.#clock || this.store.previewing) this.#tellTime();
    this.editor.show(photo && this.#joints ? target : null);
    const comparing = this.#comparing && !!result && !!photo;
    byId("before").hidden = !comparing;
    byId("compare").hidden = !comparing;
    byId("result-canvas").classList.toggle("comparing", comparing);
    const before = byId("before").querySelector("img");
    if (photo && before.getAttribute("src") !== photo.url) before.src = photo.url;
    if (comparing) this.#frame();
    this.#renderJoint();
  }

  #tellTime() {
    const { result } = this.store.session;
    byId("timing").textContent = result ? `${Math.round(result.seconds * 1000)} ms` : "";
  }

  #renderJoint() {
    const line = byId("result-joint");
    const { target } = this.store.doc;
    const name = this.#selected;
    const there = !!name && !!target && this.#joints && !this.#comparing;
    const text = there ? `${spoken(name)}: ${placeOf(target, name)}` : this.#comparing ? COMPARE_HINT : HINT;
    if (line.dataset.text === text) return;
    line.dataset.text = text;
    const hide = make("button", { type: "button", class: "link", onclick: () => name && this.editor.toggle(name) });
    if (there) hide.textContent = shows(target, name) ? "Hide" : "Show";
    line.replaceChildren(make("span", {}, text), there ? hide : "");
  }

  /** Lays slider and cut over the picture itself, which rarely fills the canvas. */
  #frame() {
    const { photo } = this.store.session;
    if (!photo?.size) return;
    const { clientWidth, clientHeight } = byId("result-canvas");
    const scale = Math.min(clientWidth / photo.size[1], clientHeight / photo.size[0]);
    const [width, height] = [photo.size[1] * scale, photo.size[0] * scale];
    for (const element of [byId("compare"), byId("before")]) {
      element.style.width = `${width}px`;
      element.style.height = `${height}px`;
      element.style.left = `${(clientWidth - width) / 2}px`;
      element.style.top = `${(clientHeight - height) / 2}px`;
    }
    this.#cut();
  }

  #cut() {
    const share = byId("compare").value;
    byId("before").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
    byId("result-canvas").style.setProperty("--cut", `${share}%`);
  }
}
