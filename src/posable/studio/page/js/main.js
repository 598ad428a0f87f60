/** Puts the page together. */

import * as api from "./api.js";
import { attempt, noProblem, problem, status } from "./announce.js";
import { byId, make } from "./dom.js";
import { Drawing } from "./drawing.js";
import { GarmentPane } from "./garment_pane.js";
import { ExplainPane, ParsingPane } from "./insight_panes.js";
import { PhotoStage } from "./photo_stage.js";
import { PosePane } from "./pose_pane.js";
import { ResultStage } from "./result_stage.js";
import { fromJson } from "./skeleton.js";
import { Store } from "./state.js";
import { Strip } from "./strip.js";
import { tabs } from "./tabs.js";
import { TexturePane } from "./texture_pane.js";
import { followApiKey } from "./api_key.js";
import { followTheme } from "./theme.js";

const views = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".views button")]);
const store = new Store();
const drawing = new Drawing(store, (busy) => result.busy(busy));
const result = new ResultStage(store, () => poses.how);
const photo = new PhotoStage(store, drawing);
const strip = new Strip(store, drawing);
const poses = new PosePane(store, drawing, {
  drawStrip: (names) => void strip.draw(names),
  savePose: () => result.downloadPose(),
  onward: () => void goOn(),
});
new GarmentPane(store);
new TexturePane(store);
new ParsingPane(store, drawing);
new ExplainPane(store, drawing);

async function goOn() {
  const next = result.asPhoto();
  if (next) await photo.open(next);
  else problem("There is no result yet; choose a photo first.");
}

function view(name) {
  byId("studio").dataset.view = name;
  for (const button of views) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }
}

function typing(target) {
  return (
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !["radio", "checkbox", "range"].includes(target.type))
  );
}

const KEYS = {
  f: () => poses.flip(),
  c: () => result.toggle("compare"),
  j: () => result.toggle("joints"),
  s: () => result.download(),
  "?": () => byId("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (byId("keys").open || typing(event.target)) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "z") {
    event.preventDefault();
    if (event.shiftKey) store.redo();
    else store.undo();
  } else if ((event.ctrlKey || event.metaKey) && key === "y") {
    event.preventDefault();
    store.redo();
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey && KEYS[key] && store.session.photo) {
    KEYS[key]();
  }
});

for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
document.addEventListener("studio:opened", () => view("result"));
byId("undo").addEventListener("click", () => store.undo());
byId("redo").addEventListener("click", () => store.redo());
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("problem").querySelector("button").addEventListener("click", noProblem);
byId("model").addEventListener("change", () => store.set({ model: byId("model").value }));
for (const button of views) button.addEventListener("click", () => view(button.dataset.view));
tabs(byId("tabs"), (tab) => store.set({ tab }));
followTheme(byId("theme"));
followApiKey();
api.hooks.waiting = status;

store.subscribe(() => {
  byId("undo").disabled = !store.canUndo;
  byId("redo").disabled = !store.canRedo;
  byId("studio").toggleAttribute("data-empty", !store.session.photo);
});

await attempt(async () => {
  status("Getting ready …");
  const [offered, { poses: presets }] = await Promise.all([api.models(), api.poses()]);
  const { models, regions, patterns, dtd_classes } = offered;
  for (const { name } of models) byId("model").append(make("option", { value: name }, name));
  const first = models.find((model) => model.default) ?? models[0];
  byId("model").value = first.name;
  store.set({
    model: first.name,
    presets: presets.map(({ name, pose }) => ({ name, pose: fromJson(pose) })),
    regions,
    patterns,
    dtdClasses: dtd_classes,
  });
  status("Ready: drop a photo, or choose one of the people.");
});
