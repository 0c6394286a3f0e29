// The live picture on its canvas, how old it is, and what came with it.
const STALE_MS = 1000;
const COUNTED = 30;

export class Picture {
  constructor(canvas, line_now_ms) {
    this.canvas = canvas;
    this.now_ms = line_now_ms;
    this.context = canvas.getContext("2d", { alpha: false, desynchronized: true });
    this.times = [];
    this.findings = null;
    this.age_ms = null;
    this.drawn_ms = null;
    this.drawn = 0;
  }

  async draw(head, jpeg) {
    const image = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
    if (this.canvas.width !== image.width || this.canvas.height !== image.height) [this.canvas.width, this.canvas.height] = [image.width, image.height];
    this.context.drawImage(image, 0, 0);
    image.close();
    this.findings = findings(jpeg);
    this.drawn += 1;
    this.drawn_ms = performance.now();
    this.age_ms = this.now_ms() - head.captured_ms;
    this.times = [...this.times.slice(1 - COUNTED), this.drawn_ms];
  }

  /** How long ago the newest picture was taken; null before the first. */
  age() {
    return this.drawn_ms === null ? null : Math.max(0, this.age_ms + performance.now() - this.drawn_ms);
  }

  get stale() {
    return this.drawn_ms !== null && performance.now() - this.drawn_ms > STALE_MS;
  }

  get fps() {
    const span_ms = this.times.length > 1 ? this.times.at(-1) - this.times[0] : 0;
    return span_ms && !this.stale ? (1000 * (this.times.length - 1)) / span_ms : 0;
  }
}

/** What the JPEG's comment says: the boxes of this picture, and where the head looked. */
function findings(jpeg) {
  for (let at = 2; at + 4 < jpeg.length && jpeg[at] === 0xff && jpeg[at + 1] !== 0xda; at += 2 + size(jpeg, at)) {
    if (jpeg[at + 1] === 0xfe) return JSON.parse(new TextDecoder().decode(jpeg.subarray(at + 4, at + 2 + size(jpeg, at))));
  }
  return null;
}

function size(jpeg, at) {
  return (jpeg[at + 2] << 8) | jpeg[at + 3];
}
