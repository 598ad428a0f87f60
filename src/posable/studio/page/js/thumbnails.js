/** Small pictures of poses. */

import { makeSvg } from "./dom.js";
import { JOINTS, LIMBS, shows, sideOf } from "./skeleton.js";

/** @param {import("./skeleton.js").Pose} pose @returns {SVGSVGElement} the skeleton, cropped to itself */
export function thumbnail(pose) {
  const seen = JOINTS.filter((name) => shows(pose, name)).map((name) => pose.points[name]);
  const xs = seen.map(([x]) => x);
  const ys = seen.map(([, y]) => y);
  const height = Math.max(Math.max(...ys) - Math.min(...ys), 1);
  const width = Math.max(Math.max(...xs) - Math.min(...xs), 1);
  const side = Math.max(height, width * 1.25) * 1.14;
  const middle = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2];
  const box = [middle[0] - side * 0.4, middle[1] - side / 2, side * 0.8, side]
    .map((value) => value.toFixed(1))
    .join(" ");
  const svg = makeSvg("svg", { viewBox: box, class: "thumb", "aria-hidden": "true" });
  svg.style.setProperty("--thick", String(side / 24));
  for (const [from, to] of LIMBS) {
    if (!shows(pose, from) || !shows(pose, to) || /nose|eye|ear/.test(to)) continue;
    svg.append(
      makeSvg("path", {
        class: `limb ${sideOf(to)}`,
        d: `M${pose.points[from].join(" ")}L${pose.points[to].join(" ")}`,
      }),
    );
  }
  const head = headOf(pose);
  if (head) svg.append(makeSvg("circle", { class: "head", cx: head[0], cy: head[1], r: side * 0.058 }));
  return svg;
}

/** The middle of what shows of a face. */
function headOf(pose) {
  const face = JOINTS.filter((name) => /nose|eye|ear/.test(name) && shows(pose, name)).map((name) => pose.points[name]);
  const mean = (axis) => face.reduce((sum, point) => sum + point[axis], 0) / face.length;
  return face.length ? [mean(0), mean(1)] : null;
}
