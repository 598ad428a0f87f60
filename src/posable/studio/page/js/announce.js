/** Sentences for people who look, and for those who listen. */

import { byId } from "./dom.js";

const PAUSE_MS = 250;
let pending = 0;

/** Says in the header what is going on; read aloud when nothing else is. @param {string} sentence */
export function status(sentence) {
  const line = byId("status");
  if (line.textContent !== sentence) line.textContent = sentence;
}

/** Says for listeners only; of several in a row, the last. @param {string} sentence */
export function say(sentence) {
  clearTimeout(pending);
  pending = setTimeout(() => (byId("said").textContent = sentence), PAUSE_MS);
}

/** Shows an error until it is dismissed or something works again. @param {unknown} error */
export function problem(error) {
  const sentence = error instanceof Error ? error.message : String(error);
  byId("problem").querySelector("p").textContent = sentence;
  byId("problem").hidden = false;
  status("");
}

export function noProblem() {
  byId("problem").hidden = true;
}

/**
 * Runs a task that somebody asked for: its failure is shown, never thrown.
 * @returns {Promise<boolean>} whether it worked: it did not throw and did not answer false
 */
export async function attempt(task) {
  try {
    return (await task()) !== false;
  } catch (error) {
    problem(error);
    return false;
  }
}
