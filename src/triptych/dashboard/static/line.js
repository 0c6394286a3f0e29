// One web socket for pictures and events, opened again when it is lost.
import { socket } from "/pages/api.js";

const PAUSES_MS = [250, 500, 1000, 2000, 4000, 8000];
const SILENCE_MS = 5000;
const CLOCK_EVERY_MS = 2000;
const HEAD_BYTES = 24;

export class Line {
  /** `on` has `open`, `lost(pause_ms)`, `event(event)` and `picture(head, jpeg)`; what it returns of the last is awaited before the ack. */
  constructor(camera, on) {
    Object.assign(this, { camera, on, tries: 0, offset_ms: null, best_ms: Infinity, heard_ms: 0 });
    setInterval(() => this.#watch(), CLOCK_EVERY_MS);
    this.open();
  }

  open() {
    clearTimeout(this.again);
    const line = (this.socket = socket(this.camera));
    line.onopen = () => { this.tries = 0; this.heard_ms = performance.now(); this.#ask(); this.on.open(); };
    line.onmessage = ({ data }) => { this.heard_ms = performance.now(); typeof data === "string" ? this.#hear(JSON.parse(data)) : this.#see(line, data); };
    line.onclose = () => { if (line === this.socket) this.#lost(); };
  }

  say(word) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(word));
    return true;
  }

  /** The server's time in ms since 1970, as well as it is known. */
  now_ms() {
    return performance.timeOrigin + performance.now() + (this.offset_ms ?? 0);
  }

  #lost() {
    const pause_ms = PAUSES_MS[Math.min(this.tries++, PAUSES_MS.length - 1)];
    this.best_ms = Infinity;
    this.on.lost(pause_ms);
    this.again = setTimeout(() => this.open(), pause_ms);
  }

  #watch() {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.heard_ms > SILENCE_MS) {
      const silent = this.socket;
      this.socket = { readyState: WebSocket.CLOSED };
      silent.close();
      this.#lost();
    } else this.#ask();
  }

  #ask() {
    this.say({ clock: performance.timeOrigin + performance.now() });
  }

  #hear(event) {
    if (event.note !== "clock") return this.on.event(event);
    const now_ms = performance.timeOrigin + performance.now();
    const way_ms = now_ms - event.data.asked;
    if (way_ms > this.best_ms) return;
    this.best_ms = way_ms;
    this.offset_ms = event.data.now_us / 1000 - (now_ms - way_ms / 2);
  }

  async #see(line, data) {
    const view = new DataView(data);
    const head = { sequence: view.getUint32(0, true), captured_ms: Number(view.getBigUint64(4, true)) / 1000, width: view.getUint16(12, true), height: view.getUint16(14, true) };
    try {
      await this.on.picture(head, new Uint8Array(data, HEAD_BYTES));
    } finally {
      if (line.readyState === WebSocket.OPEN) line.send(JSON.stringify({ ack: head.sequence }));
    }
  }
}
