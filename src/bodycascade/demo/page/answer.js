// What the program answers: requests, their errors in words, and a result as arrays.

export class Problem extends Error {}

/** POSTs a picture; resolves to the response, rejects with a Problem whose message is for the person. */
export async function post(path, picture, signal) {
  let response;
  try {
    response = await fetch(path, { method: "POST", body: picture, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The program behind this page does not answer. Is it still running?");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Problem(sentence(told.error || `something went wrong (${response.status})`));
}

/** A result: `width`, `height` of what is shown, `picture` (a Blob), labels and, for each level, probabilities. */
export class Answer {
  constructor(buffer, levels) {
    const bytes = new Uint8Array(buffer);
    const line = bytes.indexOf(10);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, line)));
    [this.height, this.width] = head.shown;
    const area = this.width * this.height;
    let at = line + 1;
    const take = (length) => bytes.subarray(at, (at += length));
    this.picture = new Blob([take(head.jpeg)], { type: "image/jpeg" });
    this.labels = take(area);
    this.probabilities = levels.map(() => take(area));
    this.levels = levels;
    this.counts = head.pixels;
    this.size = head.size;
  }

  /** The classes of a level that the picture shows: id, share of the picture and mean probability where it is shown. */
  classes(level) {
    const { ids, order } = this.levels[level];
    const pixels = sums(ids, this.counts);
    const total = this.counts.reduce((sum, count) => sum + count, 0);
    const shown = new Float64Array(256), certain = new Float64Array(256);
    const plane = this.probabilities[level];
    for (let i = 0; i < plane.length; i++) {
      const id = ids[this.labels[i]];
      shown[id]++;
      certain[id] += plane[i];
    }
    return order.filter((id) => pixels[id]).map((id) => ({
      id,
      share: pixels[id] / total,
      probability: shown[id] ? certain[id] / shown[id] / 255 : null,
    }));
  }

  /** At a pixel: for each level the id that it shows and how probable that is. */
  at(x, y) {
    const place = y * this.width + x;
    const label = this.labels[place];
    return this.levels.map(({ ids }, level) => ({
      id: ids[label],
      probability: this.probabilities[level][place] / 255,
    }));
  }
}

export const words = (name) => name.replaceAll("_", " ");

export function percent(share, digits = 0) {
  const least = 10 ** -digits;
  if (share > 0 && share * 100 < least) return `<${least}\u202f%`;
  return `${(share * 100).toFixed(digits)}\u202f%`;
}

function sentence(text) {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(upper) ? upper : `${upper}.`;
}

function sums(ids, counts) {
  const found = new Array(256).fill(0);
  counts.forEach((count, label) => { found[ids[label]] += count; });
  return found;
}
