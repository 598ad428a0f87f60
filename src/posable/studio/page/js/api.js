/** The service's endpoints under /v1, one function each. Failures are `ApiError`s whose message is a sentence. */

const PATIENCE_MS = 90_000;
const WAITING = new Set(["loading", "busy"]);

/** What the page does when the service wants a key, or time. */
export const hooks = {
  /** @type {?string} sent with every request */ key: null,
  /** Asks the user for the key; false when there is none. @type {(message: string) => Promise<boolean>} */
  askForKey: async () => false,
  /** @type {(message: string) => void} */ waiting: () => {},
};

export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 when the service did not answer @param {string} code */
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** The service has forgotten the source (they are kept for a while only); it can be given again. */
  get sourceIsGone() {
    return this.status === 404;
  }
}

/**
 * @returns {Promise<{models: {name: string, default: boolean}[], regions: string[], patterns: string[],
 *   dtd_classes: string[]}>}
 */
export const models = () => requestJson("GET", "models");

/** @returns {Promise<{poses: {name: string, pose: object}[]}>} the shipped poses */
export const poses = () => requestJson("GET", "poses");

/**
 * A photo encoded, to be drawn from by the functions below.
 * @param {Blob} picture @param {{name: string, pose?: ?object, model?: ?string}} options the name is what errors call
 *   it; without a pose it is detected
 * @returns {Promise<{id: string, size: [number, number], pose: object, people_found: number, messages: string[]}>}
 */
export function addSource(picture, { name, pose = null, model = null }) {
  const data = form({ pose: pose && JSON.stringify(pose), model });
  data.append("picture", picture, name);
  return requestJson("POST", "sources", data);
}

/** The pose as it will be drawn: in the source's frame, at its proportions if `retarget`. */
export async function place(id, pose, retarget) {
  return (await requestJson("POST", `sources/${id}/place`, { pose, retarget })).pose;
}

/**
 * @typedef {object} How
 * @property {?object} pose  in the source's frame, as `place` gives it; null for the person as photographed
 * @property {string} background
 * @property {"png" | "jpeg"} format
 * @property {?number} maxSide  the longer side of the picture at most; null for the photo's own size
 * @property {?string} model
 */

/** @param {How} how */
export function transfer(id, how) {
  return picture(`sources/${id}/transfer`, drawn(how));
}

/**
 * @param {string} reference the id of the source whose garment is taken
 * @param {{region: string, strength: number, mask: ?Blob}} what the mask is of the reference @param {How} how
 */
export async function garment(id, reference, { region, strength, mask }, how) {
  const given = mask ? { mask: await dataUrl(mask) } : {};
  return picture(`sources/${id}/garment`, { reference, region, strength, ...given, ...drawn(how) });
}

/**
 * @param {{pattern: ?Blob, patternName: ?string, seed: number, region: string, scale: number, strength: number,
 *   mask: ?Blob}} what @param {How} how
 */
export function texture(id, { pattern, patternName, seed, region, scale, strength, mask }, how) {
  const { pose, ...rest } = drawn(how);
  const cloth = patternName ? { pattern_name: patternName, seed } : { pattern };
  const fields = { ...cloth, region, mask, scale, strength, pose: pose && JSON.stringify(pose), ...rest };
  return picture(`sources/${id}/texture`, form(fields));
}

/** The person painted into an edited parsing map. @param {Blob} parsing @param {How} how */
export function paint(id, parsing, how) {
  const { pose, ...rest } = drawn(how);
  return picture(`sources/${id}/paint`, form({ parsing, pose: pose && JSON.stringify(pose), ...rest }));
}

/**
 * Pictures of one size as an animation ("webp", "gif") or side by side ("png").
 * @param {Blob[]} pictures @param {string} format @param {number} seconds each
 */
export function animation(pictures, format, seconds) {
  const data = form({ format, seconds });
  for (const [index, one] of pictures.entries()) data.append("pictures", one, `${index + 1}.png`);
  return picture("animation", data);
}

/** @returns {Promise<{picture: string, labels: {name: string, color: [number, number, number], share: number}[]}>} */
export const parse = (id, pose, model) => requestJson("POST", `sources/${id}/parse`, { pose, model, retarget: false });

/** @returns {Promise<{pictures: {name: string, picture: string, caption?: string}[]}>} */
export const explain = (id, pose, model) => requestJson("POST", `sources/${id}/explain`, { pose, model, retarget: false });

/** The pose of the person in a photo. @param {Blob} picture */
export const detect = (picture) => requestJson("POST", "detect", form({ picture }));

/** @param {How} how */
const drawn = ({ pose, background, format, maxSide, model }) => {
  return {
    pose,
    retarget: false,
    background,
    format,
    ...(maxSide ? { max_side: maxSide } : {}),
    ...(model ? { model } : {}),
  };
};

function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) data.append(name, value, value instanceof File ? value.name : name);
    else if (value !== null && value !== undefined) data.append(name, String(value));
  }
  return data;
}

/** @param {Blob} blob @returns {Promise<string>} */
function dataUrl(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(String(reader.result)));
    reader.addEventListener("error", () => failed(new Error("The mask cannot be read; choose it again.")));
    reader.readAsDataURL(blob);
  });
}

async function requestJson(method, path, body) {
  return (await request(method, path, body)).json();
}

/** @returns {Promise<{blob: Blob, seconds: number}>} */
async function picture(path, body) {
  const response = await request("POST", path, body);
  return { blob: await response.blob(), seconds: Number(response.headers.get("X-Seconds")) };
}

/** Sends; waits and sends again while the service says that it is busy or still loads its model. */
async function request(method, path, body) {
  const giveUp = performance.now() + PATIENCE_MS;
  for (;;) {
    const response = await sent(method, path, body);
    if (response.ok) return response;
    const told = (await response.json().catch(() => null))?.error;
    if (response.status === 401 && (await hooks.askForKey(told?.message ?? ""))) continue;
    const wait = Number(response.headers.get("Retry-After")) * 1000;
    if (WAITING.has(told?.code) && wait && performance.now() + wait < giveUp) {
      hooks.waiting(told.message);
      await new Promise((done) => setTimeout(done, wait));
      continue;
    }
    const message = told?.message ?? `the service answered ${response.status} ${response.statusText}.`;
    throw new ApiError(sentence(message), response.status, told?.code ?? "");
  }
}

async function sent(method, path, body) {
  const json = body && !(body instanceof FormData);
  const headers = new Headers(json ? { "Content-Type": "application/json" } : {});
  if (hooks.key) headers.set("Authorization", `Bearer ${hooks.key}`);
  try {
    return await fetch(`v1/${path}`, { method, headers, body: json ? JSON.stringify(body) : body });
  } catch {
    throw new ApiError("The studio's service does not answer; see whether `posable studio` still runs.", 0, "silent");
  }
}

/** The library's messages begin small, since they follow "error:" in a terminal. */
const sentence = (message) => message.charAt(0).toUpperCase() + message.slice(1);
