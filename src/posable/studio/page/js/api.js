/** The service's endpoints under /v1, one function each. Failures are `ApiError`s whose message is a sentence. */

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

/** @returns {Promise<{models: {name: string, default?: boolean, ready?: boolean}[]}>} */
export const models = () => answer("GET", "models");

/** @returns {Promise<{poses: {name: string, pose: object}[]}>} the shipped poses */
export const poses = () => answer("GET", "poses");

/**
 * A photo encoded, to be drawn from by the functions below.
 * @param {Blob} picture @param {{pose?: ?object, model?: ?string}} options without a pose it is detected
 * @returns {Promise<{id: string, size: [number, number], pose: object, people_found: number, messages: string[]}>}
 */
export function addSource(picture, { pose = null, model = null }) {
  return answer("POST", "sources", form({ picture, pose: pose && JSON.stringify(pose), model }));
}

/** The pose as it will be drawn: in the source's frame, at its proportions if `retarget`. */
export async function place(id, pose, retarget) {
  return (await answer("POST", `sources/${id}/place`, { pose, retarget })).pose;
}

/** @typedef {{pose: object, keepBackground: boolean, format: "png" | "jpeg"}} How */

/** @param {How} how */
export function transfer(id, how) {
  return picture(`sources/${id}/transfer`, drawn(how));
}

/** @param {string} reference the id of the source whose garment is taken @param {How} how */
export function garment(id, reference, { region, strength }, how) {
  return picture(`sources/${id}/garment`, { reference, region, strength, ...drawn(how) });
}

/** @param {Blob} pattern @param {How} how */
export function texture(id, pattern, { region, scale, strength }, how) {
  const { pose, ...rest } = drawn(how);
  return picture(`sources/${id}/texture`, form({ pattern, region, scale, strength, pose: JSON.stringify(pose), ...rest }));
}

/** @returns {Promise<{picture: string, labels: {name: string, color: [number, number, number], share: number}[]}>} */
export const parse = (id, pose) => answer("POST", `sources/${id}/parse`, { pose });

/** @returns {Promise<{pictures: {name: string, picture: string, caption?: string}[]}>} */
export const explain = (id, pose) => answer("POST", `sources/${id}/explain`, { pose, retarget: false });

/** The pose of the person in a photo. @param {Blob} picture */
export const detect = (picture) => answer("POST", "detect", form({ picture }));

/** @param {How} how */
const drawn = ({ pose, keepBackground, format }) => ({ pose, retarget: false, keep_background: keepBackground, format });

function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) data.append(name, value, value.name ?? name);
    else if (value !== null && value !== undefined) data.append(name, String(value));
  }
  return data;
}

async function answer(method, path, body) {
  return (await request(method, path, body)).json();
}

/** @returns {Promise<{blob: Blob, seconds: number}>} */
async function picture(path, body) {
  const response = await request("POST", path, body);
  return { blob: await response.blob(), seconds: Number(response.headers.get("X-Seconds")) };
}

async function request(method, path, body) {
  const json = body && !(body instanceof FormData);
  const headers = json ? { "Content-Type": "application/json" } : {};
  let response;
  try {
    response = await fetch(`v1/${path}`, { method, headers, body: json ? JSON.stringify(body) : body });
  } catch {
    throw new ApiError("The studio's service does not answer; see whether `posable studio` still runs.", 0, "silent");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => null);
  const message = told?.error?.message ?? `The service answered ${response.status} ${response.statusText}.`;
  throw new ApiError(message, response.status, told?.error?.code ?? "");
}
