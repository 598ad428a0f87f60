/** The left side: choosing a photo, its skeleton, and correcting that. */

import { attempt, noProblem, say, status } from "./announce.js";
import { byId, make, plain } from "./dom.js";
import { choose, material, ownFile, pasted, takeDrops } from "./pictures.js";
import { fromJson, same, spoken } from "./skeleton.js";
import { SkeletonEditor, placeOf } from "./skeleton_editor.js";

/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./drawing.js").Drawing} Drawing */

/** The people that come with the page. @type {Promise<{name: string, picture: string, pose: string}[]>} */
export const examplePeople = ownFile("people/people.json").then((response) => response.json());

/** @returns {Promise<import("./state.js").Material>} */
export async function examplePerson({ name, picture, pose }) {
  const [image, json] = await Promise.all([ownFile(picture), ownFile(pose)]);
  return material(await image.blob(), `${name.toLowerCase()}.jpg`, await json.json());
}

export class PhotoStage {
  /** Counts up; of several photos that are looked at, the newest counts. */ #opened = 0;

  /** @param {Store} store @param {Drawing} drawing */
  constructor(store, drawing) {
    this.store = store;
    this.drawing = drawing;
    this.editor = new SkeletonEditor(byId("photo-skeleton"), "Skeleton of the photo", {
      preview: (sourcePose) => this.#showPose(sourcePose),
      commit: (sourcePose, merge) => this.#corrected(sourcePose, merge),
      select: (name) => this.#select(name),
      leave: () => byId("show-joints").focus(),
      how: () => "joint",
    });
    this.editor.editable = false;
    byId("choose-photo").addEventListener("click", () => this.choose());
    byId("other-photo").addEventListener("click", () => this.choose());
    byId("correct").addEventListener("click", () =>
      this.#correct(byId("correct").getAttribute("aria-pressed") !== "true"),
    );
    takeDrops(byId("photo-drop"), (file) => this.open(material(file, file.name)));
    document.addEventListener("paste", (event) => {
      const file = pasted(event);
      if (file) void this.open(material(file, file.name));
    });
    store.subscribe((what) => what === "document" && this.#render());
    void attempt(() => this.#listPeople());
  }

  choose() {
    choose("image/*", (file) => this.open(material(file, file.name)));
  }

  /** Makes a picture the photo, finds its person, and begins a new history. @param {import("./state.js").Material} photo */
  async open(photo) {
    const opened = ++this.#opened;
    this.#working("Looking for the person …");
    const worked = await attempt(async () => {
      const added = await this.drawing.addPhoto(photo).catch((error) => {
        if (opened === this.#opened) throw error;
      });
      if (!added || opened !== this.#opened) return false;
      const pose = fromJson(added.pose);
      const old = this.store.session.photo;
      this.store.set({ photo: { ...photo, size: added.size, pose: added.pose }, result: null });
      this.store.restart({ sourcePose: pose, target: pose, background: this.store.doc.background });
      if (old) URL.revokeObjectURL(old.url);
      noProblem();
      status(added.messages?.length ? added.messages.join(" ") : "Drag a joint of the result, or choose a pose.");
      return true;
    });
    if (opened === this.#opened) this.#working("");
    if (!worked) URL.revokeObjectURL(photo.url);
    else document.dispatchEvent(new CustomEvent("studio:opened"));
  }

  #correct(on) {
    byId("correct").setAttribute("aria-pressed", String(on));
    this.editor.editable = on;
    if (on) {
      this.editor.focus("neck");
      say("Correcting the photo's skeleton. Tab goes to the next joint, arrow keys move it.");
    }
  }

  #corrected(sourcePose, merge) {
    const { doc } = this.store;
    const untouched = same(doc.target, doc.sourcePose);
    this.store.commit({ sourcePose, ...(untouched ? { target: sourcePose } : {}) }, merge && `photo ${merge}`);
  }

  #select(name) {
    const { sourcePose } = this.store.doc;
    const sentence = name && sourcePose ? `${spoken(name)}: ${placeOf(sourcePose, name)}` : "";
    byId("photo-joint").textContent = sentence;
    if (sentence) say(sentence);
  }

  #showPose(pose) {
    this.editor.show(pose);
  }

  #working(sentence) {
    const veil = byId("photo-drop").querySelector(".working");
    veil.hidden = !sentence;
    veil.querySelector("span").textContent = sentence;
    if (sentence) status(sentence);
  }

  #render() {
    const { photo } = this.store.session;
    const { sourcePose } = this.store.doc;
    const image = byId("photo");
    image.hidden = !photo;
    byId("photo-empty").hidden = !!photo;
    byId("photo-tools").hidden = !photo;
    if (photo && image.getAttribute("src") !== photo.url) {
      this.editor.release();
      image.src = photo.url;
      image.alt = `The photo ${photo.name}`;
      byId("photo-facts").textContent = photo.size ? `${photo.size[1]} × ${photo.size[0]}` : "";
      this.#correct(false);
    }
    this.editor.show(photo ? sourcePose : null);
  }

  async #listPeople() {
    for (const person of await examplePeople) {
      const button = make(
        "button",
        {
          type: "button",
          title: person.name,
          onclick: () => attempt(async () => this.open(await examplePerson(person))),
        },
        make("img", { src: person.picture, alt: plain(person.name), loading: "lazy", draggable: "false" }),
      );
      byId("people").append(make("li", {}, button));
    }
  }
}
