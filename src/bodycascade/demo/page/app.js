// The page as a whole: one picture at a time, from its source to the result.

import { Answer, Problem, post, words } from "./answer.js";
import { Panel } from "./panel.js";
import { listenForPictures, photograph } from "./sources.js";
import { Stage } from "./stage.js";

const body = document.body;
const find = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let about = null;
let picture = null; // what the result that is shown was made of, sent again for downloads
let name = "picture";
let under = null; // the AbortController of the request that is under way
let asked = 0; // how many pictures were asked for: a sample that comes late does not replace a later one

const stage = new Stage(pick, point);
const panel = new Panel({ onLevel, onPick: pick, onPoint: point, onFile: download });

async function take(file, called) {
  asked += 1;
  under?.abort();
  const control = (under = new AbortController());
  dismiss();
  let clock = 0;
  try {
    about ??= await learn();
    if (file.size > about.most_bytes) {
      throw new Problem(`The file is larger than ${about.most_bytes / 1e6} MB. Try a smaller one.`);
    }
    wait(file);
    clock = countSeconds();
    const response = await post("/segment", file, control.signal);
    const answer = new Answer(await response.arrayBuffer(), about.levels);
    const bitmap = await createImageBitmap(answer.picture);
    control.signal.throwIfAborted(); // nothing is waited for from here on, so that what is shown is all of one picture
    picture = file;
    name = (called || file.name || "picture").replace(/\.[^.]*$/, "");
    stage.show(answer, bitmap);
    panel.show(answer, stage.level);
    isolate(0);
    become("result");
    say(answer.classes(stage.level).map(({ id }) => words(about.levels[stage.level].names[id])));
    reveal();
  } catch (error) {
    if (under === control) goBack();
    if (error.name !== "AbortError") tell(error);
  } finally {
    clearInterval(clock);
  }
}

/** To the result that was there before, if there was one. */
function goBack() {
  if (stage.answer) stage.shape(stage.answer.width, stage.answer.height);
  become(stage.answer ? "result" : "empty");
}

function wait(file) {
  const preview = find("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.onload = () => body.dataset.state === "loading" && stage.shape(preview.naturalWidth, preview.naturalHeight);
  stage.leave();
  become("loading");
  if (innerWidth < 900) scrollTo({ top: 0, behavior: calm.matches ? "auto" : "smooth" });
}

function countSeconds() {
  const began = performance.now();
  find("clock").textContent = "";
  return setInterval(() => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    find("clock").textContent = seconds >= 2 ? `${seconds} s` : "";
  }, 500);
}

function become(state) {
  body.dataset.state = state;
  document.querySelector(".panel").inert = state === "loading";
  if (state !== "result") find("said").textContent = state === "loading" ? "Looking at the picture" : "";
  find("samples-title").textContent = state === "empty" ? "Or try a rendered one" : "Rendered pictures";
}

/** Tells those who do not see the page what was found. */
function say(found) {
  find("said").textContent = `Found: ${found.join(", ") || "nothing"}`;
}

/** Draws the overlay over the picture from left to right, once. */
function reveal() {
  if (calm.matches) return slide(100);
  const began = performance.now();
  const step = (now) => {
    const part = Math.min(1, (now - began) / 900);
    slide(100 * (1 - (1 - part) ** 3));
    if (part < 1 && body.dataset.state === "result") requestAnimationFrame(step);
  };
  return requestAnimationFrame(step);
}

function slide(value) {
  find("wipe").value = value;
  showSlide();
}

function showSlide() {
  const value = Number(find("wipe").value);
  const view = document.querySelector(".view");
  view.style.setProperty("--wipe", `${value}%`);
  view.classList.toggle("ended", value === 0 || value === 100);
  find("wipe").setAttribute("aria-valuetext", `overlay on ${Math.round(value)} percent of the width`);
}

function onLevel(level) {
  stage.level = level;
  stage.pointed = 0;
  if (!stage.answer) return;
  panel.show(stage.answer, level);
  isolate(0);
}

function point(id) {
  stage.point(id);
  panel.point(id);
}

function pick(id) {
  isolate(id === stage.isolated ? 0 : id);
}

function isolate(id) {
  stage.isolated = id;
  stage.draw();
  const alone = id ? about.levels[stage.level].names[id] : "";
  panel.isolate(id, alone, about.whole);
  const seen = alone ? `${words(alone)} alone` : `${about.levels[stage.level].title}`;
  find("picture").setAttribute("aria-label", `The picture with ${seen}`);
}

async function download(kind, button) {
  const { title, names } = about.levels[stage.level];
  const alone = stage.isolated ? names[stage.isolated] : "";
  const node = kind === "cutout" ? alone || about.whole : kind === "mask" ? alone : "";
  const called = name; // another picture may be shown by the time that the file is there
  const query = new URLSearchParams(node ? { node } : { level: stage.level });
  button.setAttribute("aria-busy", "true");
  dismiss();
  try {
    const blob = await (await post(`/download/${kind}?${query}`, picture)).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${called}-${kind}-${node || title.replace(" ", "-")}.${blob.type === "image/png" ? "png" : "jpg"}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (error) {
    tell(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function tell(error) {
  if (!(error instanceof Problem)) console.error(error);
  find("problem").firstElementChild.textContent =
    error instanceof Problem ? error.message : "This page went wrong. Load it again.";
  find("problem").hidden = false;
}

function dismiss() {
  find("problem").hidden = true;
}

async function learn() {
  const response = await fetch("/about.json").catch(() => null);
  if (!response?.ok) throw new Problem("The program behind this page does not answer. Is it still running?");
  return response.json();
}

/** A person as in a picture, then in the colours of each level; hidden where the tree has a leaf that the figure lacks. */
function drawSteps(levels) {
  const steps = document.querySelector(".steps");
  const leaves = levels.at(-1).names.slice(1); // 0 is the background
  steps.hidden = !leaves.every((leaf) => find("figure").content.querySelector(`.${CSS.escape(leaf)}`));
  if (steps.hidden) return;
  ["picture", ...levels.map(({ title }) => title)].forEach((title, place) => {
    const item = document.createElement("li");
    item.append(find("figure").content.cloneNode(true), Object.assign(document.createElement("span"), { textContent: title }));
    if (place > 0) {
      const { ids, colours } = levels[place - 1];
      levels.at(-1).names.forEach((leaf, label) => item.style.setProperty(`--${leaf}`, `rgb(${colours[ids[label]]})`));
    }
    steps.append(item);
  });
}

function offerSamples(count) {
  for (let place = 0; place < count; place++) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const image = new Image();
    image.alt = `Rendered picture ${place + 1}`;
    image.onload = () => image.classList.add("there");
    image.src = `/samples/${place}.jpg`;
    button.append(image);
    button.addEventListener("click", async () => {
      const mine = (asked += 1);
      button.setAttribute("aria-busy", "true");
      try {
        const response = await fetch(image.src).catch(() => null);
        if (!response?.ok) throw new Problem("The program behind this page does not answer. Is it still running?");
        const sample = await response.blob();
        if (asked === mine) await take(sample, `rendered-${place + 1}.jpg`);
      } catch (error) {
        tell(error);
      } finally {
        button.removeAttribute("aria-busy");
      }
    });
    find("samples").append(button);
  }
}

const doing = {
  choose: () => find("file").click(),
  camera: async () => {
    try {
      const shot = await photograph();
      if (shot) await take(shot, "photo.jpg");
    } catch (error) {
      tell(error);
    }
  },
  shoot: () => find("camera").close("shoot"),
  leave: () => find("camera").close(""),
  cancel: () => under?.abort(),
  all: () => isolate(0),
  dismiss,
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) doing[button.dataset.do]();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || find("camera").open) return;
  if (body.dataset.state === "loading") under?.abort();
  else if (stage.isolated) isolate(0);
  else dismiss();
});
find("wipe").addEventListener("input", showSlide);
listenForPictures(take, tell);

try {
  about = await learn();
  panel.offer(about.levels);
  stage.level = about.levels.length - 1;
  drawSteps(about.levels);
  offerSamples(about.samples);
} catch (error) {
  tell(error);
}
