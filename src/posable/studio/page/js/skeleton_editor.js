/**
 * A skeleton drawn over a picture, whose joints are dragged with mouse, pen, finger or keys. It shows a pose and tells
 * of changes; who owns the pose decides what becomes of them.
 */

import { makeSvg } from "./dom.js";
import { JOINTS, LIMBS, PARENT, moved, shows, sideOf, spoken, withShown } from "./skeleton.js";

const REACH_PX = 24;
const [SMALLEST_DOT_PX, DOT_PX, DOTS_PER_HEIGHT] = [3.4, 5.5, 90];
const DOUBLE_TAP_MS = 350;
const STEP_SHARE = 1 / 256;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {import("./skeleton.js").Pose} Pose */
/** @typedef {import("./skeleton.js").Point} Point */

/**
 * @typedef {object} Listener
 * @property {(pose: Pose) => void} preview  while dragging
 * @property {(pose: Pose, merge: string) => void} commit
 * @property {(name: ?string) => void} select  a joint was taken up, or none
 * @property {() => void} leave  Escape was pressed
 * @property {() => "limb" | "turn" | "joint"} how
 */

export class SkeletonEditor {
  /** @type {?Pose} */ #pose = null;
  #editable = true;
  /** @type {?{name: string, id: number, start: Pose, offset: Point, moved: boolean}} */ #drag = null;
  #lastTap = { name: "", at: 0 };
  #limbs = new Map();
  #joints = new Map();

  /** @param {SVGSVGElement} svg @param {string} label for listeners @param {Listener} listener */
  constructor(svg, label, listener) {
    this.svg = svg;
    this.listener = listener;
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-label", `${label}: Tab goes to a joint, arrow keys move it, Delete hides it`);
    for (const [from, to] of LIMBS)
      this.#limbs.set(to, this.#drawLimb(sideOf(to) === "middle" ? sideOf(from) : sideOf(to)));
    for (const name of JOINTS) this.#joints.set(name, this.#drawJoint(name));
    svg.addEventListener("pointerdown", (event) => this.#grab(event));
    svg.addEventListener("pointermove", (event) => this.#follow(event));
    svg.addEventListener("pointerup", (event) => this.#drop(event));
    svg.addEventListener("pointercancel", (event) => this.#drop(event));
    svg.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#measure()).observe(svg);
    this.show(null);
  }

  /** @param {?Pose} pose */
  show(pose) {
    const appears = !this.#pose;
    this.#pose = pose;
    this.svg.toggleAttribute("hidden", !pose);
    if (!pose) return;
    const box = `0 0 ${pose.size[1]} ${pose.size[0]}`;
    if (appears || this.svg.getAttribute("viewBox") !== box) {
      this.svg.setAttribute("viewBox", box);
      this.#measure();
    }
    for (const [to, line] of this.#limbs) {
      const [from, end] = [pose.points[PARENT[to]], pose.points[to]];
      line.setAttribute("d", `M${from.join(" ")}L${end.join(" ")}`);
      line.classList.toggle("ghost", !shows(pose, to) || !shows(pose, PARENT[to]));
    }
    for (const [name, joint] of this.#joints) {
      const [x, y] = pose.points[name];
      const seen = shows(pose, name);
      joint.setAttribute("transform", `translate(${x} ${y})`);
      joint.classList.toggle("ghost", !seen);
      joint.setAttribute("aria-label", `${spoken(name)}, ${placeOf(pose, name)}`);
    }
  }

  /** Whether joints can be moved; if not, they are only shown. */
  set editable(yes) {
    this.#editable = yes;
    this.svg.classList.toggle("fixed", !yes);
    for (const joint of this.#joints.values()) joint.setAttribute("tabindex", yes ? "0" : "-1");
    if (!yes) this.listener.select(null);
  }

  /** Lets go of a joint that is held, without a change: what it belongs to is gone. */
  release() {
    this.#drag = null;
    this.svg.classList.remove("dragging");
  }

  /** Hides a joint, or shows it again. @param {string} name */
  toggle(name) {
    if (!this.#pose) return;
    this.listener.commit(withShown(this.#pose, name, !shows(this.#pose, name)), "");
    this.listener.select(name);
  }

  /** @param {string} name */
  focus(name) {
    this.#joints.get(name)?.focus({ preventScroll: true });
  }

  #drawLimb(side) {
    const path = makeSvg("path", { class: `limb ${side}` });
    this.svg.append(path);
    return path;
  }

  #drawJoint(name) {
    const face = name.endsWith("eye") || name.endsWith("ear");
    const joint = makeSvg(
      "g",
      {
        class: `joint ${sideOf(name)}${face ? " face" : ""}`,
        "data-joint": name,
        role: "button",
        "aria-roledescription": "joint",
      },
      makeSvg("circle", { class: "hit" }),
      makeSvg("circle", { class: "ring" }),
      makeSvg("circle", { class: "dot" }),
    );
    joint.addEventListener("focus", () => this.listener.select(name));
    this.svg.append(joint);
    return joint;
  }

  /** Keeps dots at one size on the screen, whatever the picture's. */
  #measure() {
    const scale = this.#perPixel();
    const height = (this.#pose?.size[0] ?? 0) / scale;
    const dotPx = Math.min(Math.max(height / DOTS_PER_HEIGHT, SMALLEST_DOT_PX), DOT_PX);
    for (const joint of this.#joints.values()) {
      const small = joint.classList.contains("face") ? 0.72 : 1;
      const [hit, ring, dot] = joint.children;
      hit.setAttribute("r", 14 * scale * small);
      ring.setAttribute("r", (dotPx + 4.5) * scale * small);
      dot.setAttribute("r", dotPx * scale * small);
    }
  }

  #perPixel() {
    const matrix = this.svg.getScreenCTM();
    return matrix && matrix.a ? 1 / matrix.a : 1;
  }

  /** @returns {Point} where in the picture the pointer is */
  #placeOf(event) {
    const matrix = /** @type {DOMMatrix} */ (this.svg.getScreenCTM());
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    return [x, y];
  }

  /** @param {Pose} pose @param {Point} place @returns {string} the joint under the pointer, or "" */
  #nearest(pose, [x, y]) {
    const reach = REACH_PX * this.#perPixel();
    let best = { name: "", distance: reach };
    for (const name of JOINTS) {
      const distance = Math.hypot(pose.points[name][0] - x, pose.points[name][1] - y);
      if (distance < best.distance) best = { name, distance };
    }
    return best.name;
  }

  #grab(event) {
    if (!this.#editable || !this.#pose || event.button !== 0) return;
    const place = this.#placeOf(event);
    const name = this.#nearest(this.#pose, place);
    if (!name) return;
    event.preventDefault();
    this.focus(name);
    this.svg.setPointerCapture(event.pointerId);
    const [x, y] = this.#pose.points[name];
    this.#drag = { name, id: event.pointerId, start: this.#pose, offset: [x - place[0], y - place[1]], moved: false };
    this.svg.classList.add("dragging");
  }

  #follow(event) {
    const drag = this.#drag;
    if (!drag || event.pointerId !== drag.id) return;
    const [x, y] = this.#placeOf(event);
    const goal = /** @type {Point} */ ([x + drag.offset[0], y + drag.offset[1]]);
    const [startX, startY] = drag.start.points[drag.name];
    if (!drag.moved && Math.hypot(goal[0] - startX, goal[1] - startY) < 2 * this.#perPixel()) return;
    drag.moved = true;
    // A hidden joint that is dragged is wanted.
    const start = shows(drag.start, drag.name) ? drag.start : withShown(drag.start, drag.name, true);
    this.listener.preview(moved(start, drag.name, goal, this.listener.how()));
  }

  #drop(event) {
    const drag = this.#drag;
    if (!drag || event.pointerId !== drag.id) return;
    this.#drag = null;
    this.svg.classList.remove("dragging");
    if (drag.moved && this.#pose) {
      this.listener.commit(this.#pose, "");
      return;
    }
    const now = performance.now();
    const twice = this.#lastTap.name === drag.name && now - this.#lastTap.at < DOUBLE_TAP_MS;
    this.#lastTap = { name: twice ? "" : drag.name, at: now };
    if (twice) this.toggle(drag.name);
  }

  #key(event) {
    const name = event.target.dataset?.joint;
    if (!name || !this.#pose || !this.#editable || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      const step = Math.max(1, Math.round(this.#pose.size[0] * STEP_SHARE)) * (event.shiftKey ? 10 : 1);
      const [x, y] = this.#pose.points[name];
      const [dx, dy] = ARROWS[event.key];
      const next = moved(this.#pose, name, [x + dx * step, y + dy * step], this.listener.how());
      this.listener.commit(next, `move ${name}`);
      this.listener.select(name);
    } else if (event.key === "Delete" || event.key === "Backspace" || event.key === "Enter" || event.key === " ") {
      this.toggle(name);
    } else if (event.key === "Escape") {
      this.listener.leave();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Where a joint is, for listeners. */
export function placeOf(pose, name) {
  const [x, y] = pose.points[name];
  if (pose.hidden.includes(name)) return "hidden";
  return shows(pose, name) ? `${Math.round(x)} across, ${Math.round(y)} down` : "outside the picture";
}
