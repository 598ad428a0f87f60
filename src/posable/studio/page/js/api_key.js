/** Asks for the service's API key and keeps it for as long as the tab is open. */

import { hooks } from "./api.js";
import { byId } from "./dom.js";

const PLACE = "posable-studio-key";
/** @type {?Promise<boolean>} one question for all requests that wait for it */
let asking = null;

export function followApiKey() {
  hooks.key = sessionStorage.getItem(PLACE);
  hooks.askForKey = () => (asking ??= ask().finally(() => (asking = null)));
}

/** @returns {Promise<boolean>} whether a key was given */
function ask() {
  const dialog = byId("key");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    const closed = () => {
      if (dialog.returnValue === "send") {
        hooks.key = byId("key-text").value;
        sessionStorage.setItem(PLACE, hooks.key ?? "");
      }
      done(dialog.returnValue === "send");
    };
    dialog.addEventListener("close", closed, { once: true });
  });
}
