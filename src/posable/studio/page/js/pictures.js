/** Files in and out: chosen, dropped, pasted, downloaded. */

import { ApiError } from "./api.js";
import { make } from "./dom.js";

/** @typedef {import("./state.js").Material} Material */

/**
 * A picture that the page holds, with a URL to show it by.
 * @param {Blob} blob @param {string} name @param {?object} [pose] as a pose file @returns {Material}
 */
export function material(blob, name, pose = null) {
  return { blob, url: URL.createObjectURL(blob), name, pose, size: null };
}

/** A file of the page itself. @param {string} path */
export async function ownFile(path) {
  const response = await fetch(path);
  if (!response.ok)
    throw new ApiError(`The page's own file ${path} is missing; install posable again.`, response.status, "");
  return response;
}

/**
 * Takes files that are dropped on an element; `take` gets the first.
 * @param {HTMLElement} zone @param {(file: File) => void} take
 */
export function takeDrops(zone, take) {
  let inside = 0;
  const mark = (change) => {
    inside = change === 0 ? 0 : inside + change;
    zone.classList.toggle("over", inside > 0);
  };
  zone.addEventListener("dragenter", (event) => (event.preventDefault(), mark(1)));
  zone.addEventListener("dragleave", () => mark(-1));
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    mark(0);
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
}

/** Lets the user choose a file. @param {string} accept @param {(file: File) => void} take */
export function choose(accept, take) {
  const input = make("input", { type: "file", accept });
  input.addEventListener("change", () => input.files[0] && take(input.files[0]));
  input.click();
}

/** The picture in a paste, or null. @param {ClipboardEvent} event @returns {?File} */
export function pasted(event) {
  return [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? null;
}

/** Saves to the user's downloads. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** "holiday.photo.jpg" -> "holiday.photo" */
export const stem = (name) => name.replace(/\.[^.]*$/, "") || "picture";
