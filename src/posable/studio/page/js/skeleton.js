/**
 * Poses: 18 named keypoints in the frame of a picture, and what can be done to them. Pure functions.
 *
 * @typedef {[number, number]} Point  x and y in pixels of the frame
 * @typedef {{size: [number, number], points: Record<string, Point>, hidden: readonly string[]}} Pose
 * Size is [height, width]. Hidden joints keep a place, so that they can be shown again; it is not sent.
 */

/** Each joint and the one that it hangs on; the neck is the root. */
export const PARENT = {
  neck: null,
  nose: "neck",
  right_eye: "nose",
  left_eye: "nose",
  right_ear: "right_eye",
  left_ear: "left_eye",
  right_shoulder: "neck",
  right_elbow: "right_shoulder",
  right_wrist: "right_elbow",
  left_shoulder: "neck",
  left_elbow: "left_shoulder",
  left_wrist: "left_elbow",
  right_hip: "neck",
  right_knee: "right_hip",
  right_ankle: "right_knee",
  left_hip: "neck",
  left_knee: "left_hip",
  left_ankle: "left_knee",
};

/** In the order of the Tab key: head, arms, legs. Parents come before their children. */
export const JOINTS = Object.keys(PARENT);
export const LIMBS = JOINTS.filter((name) => PARENT[name]).map((name) => [PARENT[name], name]);

/** The order in which the library writes them. */
const FILE_ORDER = [
  "nose",
  "neck",
  "right_shoulder",
  "right_elbow",
  "right_wrist",
  "left_shoulder",
  "left_elbow",
  "left_wrist",
  "right_hip",
  "right_knee",
  "right_ankle",
  "left_hip",
  "left_knee",
  "left_ankle",
  "right_eye",
  "left_eye",
  "right_ear",
  "left_ear",
];

// From parent to child in statures, standing and facing the camera: where a hidden joint reappears.
const REST = {
  nose: [0, -0.11],
  right_eye: [-0.02, -0.02],
  left_eye: [0.02, -0.02],
  right_ear: [-0.03, 0.01],
  left_ear: [0.03, 0.01],
  right_shoulder: [-0.09, 0.01],
  right_elbow: [-0.03, 0.15],
  right_wrist: [-0.01, 0.13],
  left_shoulder: [0.09, 0.01],
  left_elbow: [0.03, 0.15],
  left_wrist: [0.01, 0.13],
  right_hip: [-0.05, 0.29],
  right_knee: [0, 0.23],
  right_ankle: [0, 0.22],
  left_hip: [0.05, 0.29],
  left_knee: [0, 0.23],
  left_ankle: [0, 0.22],
};

/** "left_wrist" -> "left wrist" */
export const spoken = (name) => name.replace("_", " ");

/** "left", "right" or "middle". */
export const sideOf = (name) => (name.startsWith("left") ? "left" : name.startsWith("right") ? "right" : "middle");

/** The pose in a posable pose file. @returns {Pose} */
export function fromJson(json) {
  const size = /** @type {[number, number]} */ (json.size);
  /** @type {Record<string, Point>} */
  const points = {};
  const hidden = JOINTS.filter((name) => !json.keypoints[name]);
  for (const name of JOINTS) if (json.keypoints[name]) points[name] = /** @type {Point} */ ([...json.keypoints[name]]);
  const stature = statureOf(points) ?? size[0] * 0.85;
  points.neck ??= neckFrom(points) ?? [size[1] / 2, size[0] * 0.2];
  for (const name of JOINTS.slice(1)) {
    const [x, y] = points[PARENT[name]];
    points[name] ??= inFrame([x + REST[name][0] * stature, y + REST[name][1] * stature], size);
  }
  return { size, points, hidden };
}

/** The pose as a posable pose file; joints that are hidden or outside the frame are null. @param {Pose} pose */
export function toJson(pose) {
  const keypoints = Object.fromEntries(
    FILE_ORDER.map((name) => [name, shows(pose, name) ? rounded(pose.points[name]) : null]),
  );
  return { posable_pose: 1, skeleton: "openpose-18", size: pose.size, keypoints };
}

/** Whether the joint is visible and inside the frame. @param {Pose} pose */
export function shows(pose, name) {
  const [x, y] = pose.points[name];
  return !pose.hidden.includes(name) && x >= 0 && y >= 0 && x <= pose.size[1] && y <= pose.size[0];
}

/** The joint and everything that hangs on it. */
export function branch(name) {
  const found = new Set([name]);
  for (const joint of JOINTS) if (found.has(PARENT[joint])) found.add(joint);
  return [...found];
}

/**
 * The joint moved to `place`, which is kept in the frame.
 * @param {Pose} pose @param {string} name @param {Point} place
 * @param {"limb" | "turn" | "joint"} how  "limb" takes along what hangs on it, "turn" turns it about its parent at its
 * length, "joint" moves it alone
 * @returns {Pose}
 */
export function moved(pose, name, place, how) {
  const [x, y] = pose.points[name];
  const parent = PARENT[name];
  const points = { ...pose.points };
  if (how === "turn" && parent) {
    const [px, py] = pose.points[parent];
    const angle = Math.atan2(place[1] - py, place[0] - px) - Math.atan2(y - py, x - px);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    for (const joint of branch(name)) {
      const [dx, dy] = [pose.points[joint][0] - px, pose.points[joint][1] - py];
      points[joint] = [px + cos * dx - sin * dy, py + sin * dx + cos * dy];
    }
  } else {
    const [nx, ny] = inFrame(place, pose.size);
    for (const joint of how === "joint" ? [name] : branch(name)) {
      points[joint] = [pose.points[joint][0] + nx - x, pose.points[joint][1] + ny - y];
    }
  }
  return { ...pose, points };
}

/** The mirrored pose, turned about its own middle so that the person stays in place. @param {Pose} pose @returns {Pose} */
export function flipped(pose) {
  const { right_hip, left_hip, neck } = pose.points;
  const hips = shows(pose, "right_hip") && shows(pose, "left_hip");
  const middle = hips ? (right_hip[0] + left_hip[0]) / 2 : neck[0];
  const swap = (name) => name.replace(/^(left|right)/, (side) => (side === "left" ? "right" : "left"));
  /** @type {Record<string, Point>} */
  const points = {};
  for (const name of JOINTS) {
    const [x, y] = pose.points[swap(name)];
    points[name] = [2 * middle - x, y];
  }
  return { ...pose, points, hidden: pose.hidden.map(swap) };
}

/** The pose with a joint hidden, or shown again inside the frame. @param {Pose} pose @returns {Pose} */
export function withShown(pose, name, shown) {
  const hidden = pose.hidden.filter((other) => other !== name);
  if (!shown) return { ...pose, hidden: [...hidden, name] };
  return { ...pose, hidden, points: { ...pose.points, [name]: inFrame(pose.points[name], pose.size) } };
}

/** Whether two poses say the same to the service. */
export function same(a, b) {
  return a === b || (!!a && !!b && JSON.stringify(toJson(a)) === JSON.stringify(toJson(b)));
}

const rounded = ([x, y]) => [Math.round(x * 100) / 100, Math.round(y * 100) / 100];

/** @returns {Point} */
function inFrame([x, y], [height, width]) {
  return [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
}

/** Height that a standing person with these limbs has, from the longest limb relative to an average body. */
function statureOf(points) {
  const heights = LIMBS.filter(([a, b]) => points[a] && points[b] && sideOf(b) !== "middle").map(([a, b]) => {
    return Math.hypot(points[b][0] - points[a][0], points[b][1] - points[a][1]) / Math.hypot(...REST[b]);
  });
  return heights.length ? heights.sort((p, q) => p - q)[Math.floor(heights.length / 2)] : null;
}

/** @param {Record<string, Point>} points @returns {?Point} */
function neckFrom(points) {
  const { right_shoulder: right, left_shoulder: left, nose } = points;
  if (right && left) return [(right[0] + left[0]) / 2, (right[1] + left[1]) / 2];
  return nose ? [nose[0], nose[1] + 20] : null;
}
