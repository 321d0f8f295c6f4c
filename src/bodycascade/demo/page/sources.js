// Where pictures come from: a file, a drop, the clipboard, the camera.

import { Problem } from "./answer.js";

/** Calls `take(file)` for each picture that comes in, `fail(error)` for what is none. */
export function listenForPictures(take, fail) {
  const input = document.getElementById("file");
  input.addEventListener("change", () => {
    if (input.files[0]) take(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });
  document.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (file) take(file);
    else fail(new Problem("There is no picture on the clipboard."));
  });
  listenForDrops(take, fail);
}

function listenForDrops(take, fail) {
  let inside = 0; // enter and leave come for every element on the way
  const hint = (on) => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragenter", (event) => {
    event.preventDefault();
    inside += 1;
    hint(true);
  });
  document.addEventListener("dragleave", () => {
    inside -= 1;
    if (inside <= 0) hint(false);
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    hint(false);
    const file = event.dataTransfer.files[0];
    if (file) take(file);
    else fail(new Problem("Only files can be dropped here. Save the picture first, then drop the file."));
  });
}

/** Shows the camera in a dialog; resolves to a JPEG, or null when the person leaves. */
export async function photograph() {
  const dialog = document.getElementById("camera");
  const video = document.getElementById("video");
  const shoot = dialog.querySelector("[data-do=shoot]");
  const stream = await openCamera();
  const closed = new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  video.srcObject = stream;
  dialog.returnValue = "";
  shoot.disabled = true; // until there is something to take
  dialog.showModal();
  try {
    await Promise.race([video.play(), closed]); // who leaves does not wait for a camera that is slow
    if (dialog.open) {
      shoot.disabled = false;
      shoot.focus();
    }
    await closed;
    return dialog.returnValue === "shoot" ? await still(video) : null;
  } finally {
    if (dialog.open) dialog.close("");
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  }
}

async function openCamera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
  } catch (error) {
    if (error.name === "NotAllowedError") throw new Problem("The browser does not let this page use the camera.");
    if (error.name === "NotReadableError") throw new Problem("The camera does not answer. Does another program use it?");
    throw new Problem("No camera was found. Choose a picture instead.");
  }
}

function still(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((done, fail) => {
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Problem("The camera gave no picture."))), "image/jpeg", 0.92);
  });
}
