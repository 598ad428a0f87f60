/** Many poses of the same person, drawn one after the other, and downloaded together. */

import * as api from "./api.js";
import { attempt, problem, status } from "./announce.js";
import { byId, make, plain } from "./dom.js";
import { download, stem } from "./pictures.js";
import { fromJson } from "./skeleton.js";
import { zip } from "./zip.js";

const MOVING = ["webp", "gif"];
const DEFAULT_SECONDS = 0.5;

export class Strip {
  /** @type {{name: string, blob: Blob, url: string}[]} */ #drawn = [];
  /** Counts up; a run whose number is not the newest stops. */ #run = 0;

  /** @param {import("./state.js").Store} store @param {import("./drawing.js").Drawing} drawing */
  constructor(store, drawing) {
    this.store = store;
    this.drawing = drawing;
    byId("strip-close").addEventListener("click", () => this.close());
    byId("strip-download").addEventListener("click", () => void attempt(() => this.#download()));
    byId("strip-format").addEventListener("change", () => this.#renderFormat());
    this.#renderFormat();
    document.addEventListener("studio:opened", () => this.close());
  }

  /** @param {string[]} names of presets */
  async draw(names) {
    this.close();
    const run = ++this.#run;
    const places = names.map((name) => make("li", { class: "waiting" }, make("span", { class: "name" }, plain(name))));
    byId("strip-list").replaceChildren(...places);
    byId("strip").hidden = false;
    byId("strip-download").disabled = true;
    byId("strip").scrollIntoView({ block: "nearest" });
    const { look, background, sourcePose } = this.store.doc;
    let seconds = 0;
    for (const [index, name] of names.entries()) {
      byId("strip-facts").textContent = `${index} of ${names.length} drawn`;
      const began = performance.now();
      try {
        const { target, blob } = await this.drawing.withSource(async (id) => {
          const target = fromJson(await api.place(id, name, true));
          const { blob } = await this.drawing.draw(id, { target, sourcePose, look, background }, "png");
          return { target, blob };
        });
        if (run !== this.#run) return;
        seconds += (performance.now() - began) / 1000;
        this.#show(places[index], name, target, blob);
      } catch (error) {
        if (run !== this.#run) return;
        problem(error);
        places[index].remove();
      }
    }
    const count = this.#drawn.length;
    byId("strip-facts").textContent = count
      ? `${count} drawn, ${Math.round((1000 * seconds) / count)} ms each`
      : "nothing drawn";
    byId("strip-download").disabled = !count;
    status(`The pose strip is drawn: ${count} pictures.`);
  }

  close() {
    this.#run++;
    for (const { url } of this.#drawn) URL.revokeObjectURL(url);
    this.#drawn = [];
    byId("strip-list").replaceChildren();
    byId("strip").hidden = true;
  }

  #show(item, name, target, blob) {
    const url = URL.createObjectURL(blob);
    this.#drawn.push({ name, blob, url });
    item.classList.remove("waiting");
    const take = () => this.store.commit({ target, preset: name });
    item.replaceChildren(
      make(
        "button",
        { type: "button", title: "Go on with this pose", onclick: take },
        make("img", { src: url, alt: "" }),
        make("span", { class: "name" }, plain(name)),
      ),
    );
  }

  /** The time per picture is asked for where there is one. */
  #renderFormat() {
    byId("strip-pace").hidden = !MOVING.includes(byId("strip-format").value);
  }

  async #download() {
    const name = stem(this.store.session.photo?.name ?? "posable");
    const format = byId("strip-format").value;
    if (format !== "zip") {
      status("Putting the pictures together …");
      const seconds = MOVING.includes(format) ? Number(byId("strip-seconds").value) : DEFAULT_SECONDS;
      const { blob } = await api.animation(
        this.#drawn.map((one) => one.blob),
        format,
        seconds,
      );
      download(blob, `${name}-poses.${format}`);
      status(`${name}-poses.${format} is in your downloads.`);
      return;
    }
    download(
      await zip(this.#drawn.map((one) => ({ name: `${name}-${one.name}.png`, blob: one.blob }))),
      `${name}-poses.zip`,
    );
    status("The pictures are in your downloads, in one zip file.");
  }
}
