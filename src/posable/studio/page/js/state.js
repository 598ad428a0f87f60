/**
 * What the page knows, in two parts: the *document* (what the user decides; every change can be undone) and the
 * *session* (what the service says about it). Both are replaced, never changed in place.
 *
 * @typedef {import("./skeleton.js").Pose} Pose
 *
 * @typedef {{kind: "garment", reference: string, region: string, mask: ?string, strength: number}
 *         | {kind: "texture", pattern: ?string, patternName: ?string, seed: number, region: string, mask: ?string,
 *            scale: number, strength: number}} Look
 * A change of clothes; `reference`, `pattern` and `mask` are keys of `session.materials`. A texture has a picture in
 * `pattern` or a name that the service knows in `patternName`; a mask takes the place of the region.
 *
 * @typedef {object} Document
 * @property {?Pose} sourcePose  the skeleton on the photo
 * @property {?Pose} target  the skeleton to draw, in the photo's frame
 * @property {?string} preset  the name of the pose that `target` is, until a joint is moved
 * @property {?Look} look
 * @property {string} background
 *
 * @typedef {{blob: Blob, url: string, name: string, pose: ?object, size: ?[number, number]}} Material
 * A picture that the page holds: the photo, a garment's reference, a pattern. Size is [height, width] in pixels.
 *
 * @typedef {{blob: Blob, url: string, seconds: number, format: string}} Drawing
 *
 * @typedef {object} Session
 * @property {?Material} photo
 * @property {?Drawing} result
 * @property {?string} model
 * @property {Record<string, Material>} materials
 * @property {{name: string, pose: Pose}[]} presets
 * @property {string[]} regions  parts of a person that garments and textures go to
 * @property {string[]} patterns  textures that the service knows by name
 * @property {string[]} dtdClasses  the same, of the Describable Textures, where the service has them
 * @property {string} tab
 */

/** @type {Document} */
export const EMPTY = Object.freeze({ sourcePose: null, target: null, preset: null, look: null, background: "keep" });
const LONGEST_HISTORY = 200;
const MERGE_MS = 1200;

export class Store {
  /** @type {Document[]} */ #past = [];
  /** @type {Document[]} */ #future = [];
  #count = 0;
  /** @type {Map<string, string>} the key of the newest material of each kind */ #newest = new Map();
  /** @type {?Document} the document before a drag that is still going on */ #beforePreview = null;
  #lastMerge = { key: "", at: 0 };
  /** @type {Set<(what: "document" | "session") => void>} */ #listeners = new Set();

  constructor() {
    /** @type {Document} */
    this.doc = EMPTY;
    /** @type {Session} */
    this.session = {
      photo: null,
      result: null,
      model: null,
      materials: {},
      presets: [],
      regions: [],
      patterns: [],
      dtdClasses: [],
      tab: "pose",
    };
  }

  /** Calls `listener` after every change with the part that changed. */
  subscribe(listener) {
    this.#listeners.add(listener);
  }

  /** A session change; not undoable. @param {Partial<Session>} patch */
  set(patch) {
    this.session = { ...this.session, ...patch };
    this.#tell("session");
  }

  /**
   * Holds a picture for looks to name. The newest of each kind stays, and whatever undo or redo may come back to; the
   * others are let go.
   * @param {string} kind @param {Material} material @returns {string} its key
   */
  addMaterial(kind, material) {
    const key = `${kind} ${++this.#count}`;
    this.#newest.set(kind, key);
    const docs = [this.doc, this.#beforePreview, ...this.#past, ...this.#future];
    const named = docs.flatMap((doc) => [doc?.look?.reference, doc?.look?.pattern, doc?.look?.mask]);
    const used = new Set([...named, ...this.#newest.values()]);
    const old = Object.entries(this.session.materials);
    for (const [name, { url }] of old) if (!used.has(name)) URL.revokeObjectURL(url);
    const kept = Object.fromEntries(old.filter(([name]) => used.has(name)));
    this.set({ materials: { ...kept, [key]: material } });
    return key;
  }

  /**
   * An undoable change. Changes with the same `merge` key soon after one another count as one step.
   * @param {Partial<Document>} patch @param {string} [merge]
   */
  commit(patch, merge = "") {
    const now = performance.now();
    const merged = merge !== "" && merge === this.#lastMerge.key && now - this.#lastMerge.at < MERGE_MS;
    if (!merged) {
      this.#past.push(this.#beforePreview ?? this.doc);
      this.#past.splice(0, this.#past.length - LONGEST_HISTORY);
    }
    this.#lastMerge = { key: merge, at: now };
    this.#beforePreview = null;
    this.#future = [];
    this.doc = Object.freeze({ ...this.doc, ...patch });
    this.#tell("document");
  }

  /** A change while something is dragged: shown and drawn, but no step of the history until `commit`. */
  preview(patch) {
    this.#beforePreview ??= this.doc;
    this.doc = Object.freeze({ ...this.doc, ...patch });
    this.#tell("document");
  }

  /** Whether something is being dragged. */
  get previewing() {
    return this.#beforePreview !== null;
  }

  /** Begins a new history. @param {Partial<Document>} doc */
  restart(doc) {
    this.#past = [];
    this.#future = [];
    this.#beforePreview = null;
    this.#lastMerge = { key: "", at: 0 };
    this.doc = Object.freeze({ ...EMPTY, ...doc });
    this.#tell("document");
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  undo() {
    this.#step(this.#past, this.#future);
  }

  redo() {
    this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    const doc = from.pop();
    if (!doc) return;
    to.push(this.doc);
    this.#lastMerge = { key: "", at: 0 };
    this.#beforePreview = null;
    this.doc = doc;
    this.#tell("document");
  }

  #tell(what) {
    for (const listener of this.#listeners) listener(what);
  }
}
