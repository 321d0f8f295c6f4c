// The picture with its classes painted over it; what is under the pointer.

import { percent, words } from "./answer.js";

const FILL = 150, STRONG = 205, FAINT = 50; // alpha of a class, of the one pointed at, and of the others then

export class Stage {
  /** `onPick(id)` is called when a class is clicked, 0 for the background; `onPoint(id)` when another is pointed at. */
  constructor(onPick, onPoint) {
    this.box = document.getElementById("stage");
    this.paint = document.getElementById("paint");
    this.picture = document.getElementById("picture");
    this.tip = document.getElementById("tip");
    this.onPoint = onPoint;
    this.answer = null;
    this.level = 0;
    this.pointed = 0;
    this.isolated = 0;
    this.box.addEventListener("pointermove", (event) => this.#follow(event));
    this.box.addEventListener("pointerleave", () => this.leave());
    this.box.addEventListener("click", (event) => {
      const pixel = this.answer && this.#pixel(event);
      if (!pixel) return;
      onPick(pixel[this.level].id);
      if (event.pointerType !== "touch") return;
      this.#follow(event); // a finger does not hover: the tip comes with the tap and goes by itself
      clearTimeout(this.tapped);
      this.tapped = setTimeout(() => this.leave(), 2500);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** The frame takes the shape of a picture of this size, before its result is there. */
  shape(width, height) {
    this.box.closest(".view").style.setProperty("--shape", width / height);
  }

  /** `bitmap` is the answer's picture, decoded; it is closed. */
  show(answer, bitmap) {
    for (const canvas of [this.picture, this.paint]) {
      canvas.width = answer.width;
      canvas.height = answer.height;
    }
    this.picture.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.shape(answer.width, answer.height);
    this.answer = answer;
    this.pointed = this.isolated = 0;
    this.draw();
  }

  /** Nothing is pointed at any more. */
  leave() {
    this.tip.hidden = true;
    this.onPoint(0);
  }

  point(id) {
    if (id === this.pointed) return;
    this.pointed = id;
    this.draw();
  }

  /** Paints the classes of the level: all, or one stressed, or one alone with everything else under a veil. */
  draw() {
    const answer = this.answer;
    if (!answer) return;
    const { width, height, labels } = answer;
    const { ids, colours } = answer.levels[this.level];
    const [inner, rim] = this.#colours(colours);
    const far = Math.ceil(Math.max(width, height) / 500);
    const context = this.paint.getContext("2d");
    const image = context.createImageData(width, height);
    const out = new Uint32Array(image.data.buffer);
    for (let y = 0, i = 0; y < height; y++) {
      const up = y >= far ? -far * width : 0, down = y < height - far ? far * width : 0;
      for (let x = 0; x < width; x++, i++) {
        const id = ids[labels[i]];
        const edge = id && (ids[labels[i + up]] !== id || ids[labels[i + down]] !== id
          || (x >= far && ids[labels[i - far]] !== id) || (x < width - far && ids[labels[i + far]] !== id));
        out[i] = edge ? rim[id] : inner[id];
      }
    }
    context.putImageData(image, 0, 0);
  }

  /** For each id the colour inside and along its rim, as a canvas stores it: ABGR. */
  #colours(colours) {
    const veil = getComputedStyle(this.box).getPropertyValue("--veil").split(",").map(Number);
    const inner = new Uint32Array(256), rim = new Uint32Array(256);
    colours.forEach((colour, id) => {
      if (this.isolated) {
        inner[id] = id === this.isolated ? 0 : packed(veil, 222);
        rim[id] = id === this.isolated ? packed(colour, 255) : packed(veil, 222);
      } else if (id) {
        const other = this.pointed && this.pointed !== id;
        inner[id] = packed(colour, other ? FAINT : this.pointed ? STRONG : FILL);
        rim[id] = packed(colour, other ? 110 : 255);
      }
    });
    return [inner, rim];
  }

  #pixel(event) {
    const frame = this.paint.getBoundingClientRect();
    const x = Math.floor(((event.clientX - frame.left) / frame.width) * this.answer.width);
    const y = Math.floor(((event.clientY - frame.top) / frame.height) * this.answer.height);
    if (x < 0 || y < 0 || x >= this.answer.width || y >= this.answer.height) return null;
    return this.answer.at(x, y);
  }

  #follow(event) {
    const pixel = this.answer && this.#pixel(event);
    if (!pixel) return this.leave();
    this.onPoint(pixel[this.level].id);
    this.tip.replaceChildren(...this.answer.levels.map((level, number) => tipRow(level, pixel[number], number === this.level)));
    this.tip.hidden = false;
    const { width, height } = this.tip.getBoundingClientRect();
    const left = event.clientX + 18 + width > innerWidth ? event.clientX - 18 - width : event.clientX + 18;
    const top = event.clientY + 18 + height > innerHeight ? event.clientY - 12 - height : event.clientY + 18;
    this.tip.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    this.tip.style.top = `${Math.max(8, top)}px`;
  }
}

/** One level in the tip: colour, name, probability and a bar as long as it. */
function tipRow(level, { id, probability }, current) {
  const row = document.createElement("div");
  row.className = current ? "now" : "";
  row.style.setProperty("--colour", id ? `rgb(${level.colours[id]})` : "var(--faint)");
  row.style.setProperty("--part", probability);
  for (const text of [words(level.names[id]), percent(probability)]) {
    row.append(Object.assign(document.createElement("span"), { textContent: text }));
  }
  row.append(Object.assign(document.createElement("i"), { className: "bar" }));
  return row;
}

const packed = ([red, green, blue], alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
