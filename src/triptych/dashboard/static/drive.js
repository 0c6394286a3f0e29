// Driving the head while keys or buttons are held: said again and again, for the head stops by itself when nothing is said.
const EVERY_MS = 150;
const SPEED = { left: { pan: -20 }, right: { pan: 20 }, up: { tilt: 10 }, down: { tilt: -10 } };

export class Drive {
  constructor(line, pad) {
    this.line = line;
    this.held = new Set();
    this.buttons = new Map([...pad.querySelectorAll("[data-drive]")].map((button) => [button.dataset.drive, button]));
    for (const [way, button] of this.buttons) this.#listen(way, button);
    addEventListener("blur", () => this.clear());
    document.addEventListener("visibilitychange", () => this.clear());
  }

  press(way) {
    if (this.held.has(way)) return;
    this.held.add(way);
    this.#changed();
  }

  release(way) {
    if (this.held.delete(way)) this.#changed();
  }

  clear() {
    if (!this.held.size) return;
    this.held.clear();
    this.#changed();
  }

  #listen(way, button) {
    button.addEventListener("pointerdown", (event) => { button.setPointerCapture(event.pointerId); this.press(way); });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(end, () => this.release(way));
    button.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.press(way); } });
    button.addEventListener("keyup", (event) => { if (event.key === "Enter" || event.key === " ") this.release(way); });
    button.addEventListener("blur", () => this.release(way));
  }

  #changed() {
    for (const [way, button] of this.buttons) button.toggleAttribute("data-held", this.held.has(way));
    clearInterval(this.timer);
    this.#say();
    if (this.held.size) this.timer = setInterval(() => this.#say(), EVERY_MS);
  }

  #say() {
    const course = { pan: 0, tilt: 0 };
    for (const way of this.held) for (const [axis, speed] of Object.entries(SPEED[way])) course[axis] += speed;
    this.line.say({ drive: course });
  }
}
