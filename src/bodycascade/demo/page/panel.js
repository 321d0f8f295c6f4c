// Beside the picture: the levels, the classes that were found, and what can be downloaded.

import { percent, words } from "./answer.js";

const TITLES = { mask: "class ids as an indexed PNG", overlay: "JPEG with a legend", cutout: "PNG, the rest transparent" };

export class Panel {
  constructor({ onLevel, onPick, onPoint, onFile }) {
    this.levels = document.getElementById("levels");
    this.list = document.getElementById("classes");
    this.all = document.getElementById("all");
    this.nothing = document.getElementById("nothing");
    this.what = document.getElementById("what");
    this.files = [...document.querySelectorAll("[data-file]")];
    this.onPick = onPick;
    this.onPoint = onPoint;
    this.levels.addEventListener("change", (event) => onLevel(Number(event.target.value)));
    for (const button of this.files) {
      button.title = TITLES[button.dataset.file];
      button.addEventListener("click", () => onFile(button.dataset.file, button));
    }
  }

  /** One choice per level of the tree, the finest chosen. */
  offer(levels) {
    levels.forEach(({ title }, number) => {
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "level", value: number });
      input.checked = number === levels.length - 1;
      const label = document.createElement("label");
      label.append(input, Object.assign(document.createElement("span"), { textContent: title }));
      this.levels.append(label);
    });
  }

  show(answer, level) {
    const { names, colours } = answer.levels[level];
    const classes = answer.classes(level);
    this.list.replaceChildren(...classes.map(({ id, share, probability }) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.dataset.id = id;
      button.style.setProperty("--colour", `rgb(${colours[id]})`);
      button.setAttribute("aria-pressed", "false");
      const texts = [words(names[id]), percent(share, 1), probability === null ? "" : percent(probability)];
      button.append(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
      button.setAttribute("aria-label", `${texts[0]}: ${texts[1]} of the picture, ${texts[2]} certain. Isolate`);
      button.addEventListener("click", () => this.onPick(id));
      for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => this.onPoint(id));
      for (const event of ["pointerleave", "blur"]) button.addEventListener(event, () => this.onPoint(0));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
    this.nothing.hidden = classes.length > 0;
    this.list.parentElement.classList.toggle("bare", classes.length === 0);
  }

  point(id) {
    for (const button of this.list.querySelectorAll("button")) {
      button.classList.toggle("pointed", Number(button.dataset.id) === id);
    }
  }

  /** `name` of what stands alone now ("" for none), `whole` of what is cut out otherwise. */
  isolate(id, name, whole) {
    for (const button of this.list.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.id) === id));
    }
    this.all.hidden = !id;
    this.list.classList.toggle("alone", Boolean(id));
    const cut = name || whole;
    this.files.find((button) => button.dataset.file === "cutout").disabled = !cut;
    this.files.find((button) => button.dataset.file === "mask").title = name
      ? `${words(name)} white, the rest black, as a PNG` : TITLES.mask;
    this.what.textContent = name
      ? `Mask and cut-out are of ${words(name)}, at full size.`
      : `Full size.${cut ? ` The cut-out is of ${words(cut)};` : ""} click a class to take it alone.`;
  }
}
