/**
 * Keeps the result in step with the document. At most one request is under way; what changes meanwhile is drawn next,
 * once, in its latest state. So the result follows a drag as fast as the service draws, and never lags behind.
 */

import * as api from "./api.js";
import { noProblem, problem, status } from "./announce.js";
import { fromJson, same, toJson } from "./skeleton.js";

const REMEMBERED = 6;
// Where a picture takes longer than this, smaller ones are drawn while something is dragged.
const FLUENT_SECONDS = 0.15;
const PATIENT_SECONDS = 1;
const QUICK_SIDE_PX = 256;

/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./state.js").Material} Material */

export class Drawing {
  #running = false;
  #wanted = false;
  /** Sources that the service holds: the newest last. @type {{id: string, blob: Blob, pose: string}[]} */
  #sources = [];
  /** What the result was drawn from. @type {unknown[]} */ #drawn = [];
  /** What the last picture of full size took, and the clothes it was drawn in. */ #seconds = 0;
  /** What small pictures in these clothes took, in their order. @type {number[]} */ #quick = [];
  /** @type {?import("./state.js").Look} */ #look = null;

  /** @param {Store} store @param {(busy: boolean) => void} onBusy told when drawing begins and ends */
  constructor(store, onBusy) {
    this.store = store;
    this.onBusy = onBusy;
    store.subscribe(() => this.update());
  }

  /** Draws if the result is not what the document says. */
  update() {
    this.#wanted = true;
    if (!this.#running) void this.#run();
  }

  async #run() {
    this.#running = true;
    while (this.#wanted) {
      this.#wanted = false;
      const { photo } = this.store.session;
      const { target, sourcePose, look, background } = this.store.doc;
      if (!photo || !target || !sourcePose) continue;
      const quick = this.store.previewing;
      // Clothes that take long wait until the joint is let go; what a slider changes is always drawn.
      // The first picture of them reads both people anew, so it tells nothing about the next.
      const slow = this.#quick.length > 1 && this.#quick[this.#quick.length - 1] > PATIENT_SECONDS;
      const worn = quick && slow && look === this.#look ? null : look;
      const format = quick ? "jpeg" : "png";
      const maxSide = quick && this.#seconds > FLUENT_SECONDS ? QUICK_SIDE_PX : null;
      const { model } = this.store.session;
      const key = [photo.blob, textOf(toJson(sourcePose)), textOf(toJson(target)), worn, background, model, format];
      if (key.every((part, index) => part === this.#drawn[index])) continue;
      this.onBusy(true);
      const began = performance.now();
      try {
        const { blob } = await this.withSource((id) =>
          this.draw(id, { target, sourcePose, look: worn, background }, format, maxSide),
        );
        // Another photo has come meanwhile: what was drawn is nobody's picture any more.
        if (photo !== this.store.session.photo) continue;
        const seconds = (performance.now() - began) / 1000;
        if (look !== this.#look) this.#quick = [];
        else if (quick && worn) this.#quick = [...this.#quick.slice(-1), seconds];
        if (!quick) [this.#seconds, this.#look] = [seconds, look];
        this.#show(blob, seconds, format);
        this.#drawn = key;
        noProblem();
      } catch (error) {
        if (photo !== this.store.session.photo) continue;
        this.#drawn = key;
        problem(error);
      }
    }
    this.#running = false;
    this.onBusy(false);
  }

  /**
   * One picture. In other clothes and the photo's own pose it is the photo itself that is changed.
   * @param {string} id of the photo
   * @param {{target: import("./skeleton.js").Pose, sourcePose: ?import("./skeleton.js").Pose,
   *   look: ?import("./state.js").Look, background: string}} what
   * @param {"png" | "jpeg"} format @param {?number} [maxSide]
   */
  async draw(id, { target, sourcePose, look, background }, format, maxSide = null) {
    const asPhotographed = look && sourcePose && same(target, sourcePose);
    const pose = asPhotographed ? null : toJson(target);
    const how = { pose, background, format, maxSide, model: this.store.session.model };
    if (!look) return api.transfer(id, how);
    const { materials } = this.store.session;
    const mask = look.mask ? materials[look.mask].blob : null;
    if (look.kind === "texture") {
      const pattern = look.pattern ? materials[look.pattern].blob : null;
      return api.texture(id, { ...look, pattern, mask }, how);
    }
    const reference = materials[look.reference];
    return api.garment(id, await this.#sourceOf(reference, reference.pose), { ...look, mask }, how);
  }

  /** Runs `task` with the photo's source id; once more when the service has forgotten the photo meanwhile. */
  async withSource(task) {
    const id = () =>
      this.#sourceOf(this.store.session.photo, this.store.doc.sourcePose && toJson(this.store.doc.sourcePose));
    try {
      return await task(await id());
    } catch (error) {
      if (!(error instanceof api.ApiError && error.sourceIsGone)) throw error;
      this.#sources = [];
      return task(await id());
    }
  }

  /** Gives a new photo to the service, which finds its pose if it has none. @param {Material} photo */
  async addPhoto(photo) {
    const { model } = this.store.session;
    const added = await api.addSource(photo.blob, { name: photo.name, pose: photo.pose, model });
    this.#remember({ id: added.id, blob: photo.blob, pose: textOf(added.pose) });
    return added;
  }

  /** The id under which the service holds this picture with this pose; it is given to it when it does not. */
  async #sourceOf(picture, pose) {
    const { model } = this.store.session;
    const text = pose && textOf(pose);
    const known = this.#sources.find((one) => one.blob === picture.blob && (!text || one.pose === text));
    if (known) return known.id;
    status("Reading the photo …");
    const added = await api.addSource(picture.blob, { name: picture.name, pose, model });
    this.#remember({ id: added.id, blob: picture.blob, pose: text ?? textOf(added.pose) });
    return added.id;
  }

  #remember(source) {
    this.#sources = [...this.#sources, source].slice(-REMEMBERED);
  }

  #show(blob, seconds, format) {
    const old = this.store.session.result;
    if (old) setTimeout(() => URL.revokeObjectURL(old.url), 2000);
    this.store.set({ result: { blob, url: URL.createObjectURL(blob), seconds, format } });
    if (!this.store.previewing) status(`Drawn in ${Math.round(seconds * 1000)} ms.`);
  }
}

/** A pose file in the one form in which poses are compared. */
const textOf = (json) => JSON.stringify(toJson(fromJson(json)));
