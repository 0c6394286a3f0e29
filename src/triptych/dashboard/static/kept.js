// What was kept today: recordings and shots, newest first.
import { call } from "/pages/api.js";
import { clock } from "/pages/words.js";

export class Kept {
  constructor(list, camera) {
    Object.assign(this, { list, camera });
  }

  async refresh() {
    const date = today();
    const kept = await call("GET", "/api/record", { date, camera: this.camera }).catch(() => null);
    if (!kept) return;
    const items = [...kept.shoots.map((one) => ({ ...one, what: recording(one) })), ...kept.shots.map((one) => ({ ...one, what: "Shot" }))];
    items.sort((a, b) => b.time.localeCompare(a.time));
    this.list.replaceChildren(...(items.length ? items.map((one) => row(one, date, this.camera)) : [nothing()]));
  }
}

function recording(one) {
  return one.state === "recording" || !one.length ? "Recording" : `Recording, ${clock(one.length)}`;
}

function row(one, date, camera) {
  const line = document.createElement("li");
  const time = document.createElement("span");
  time.className = "muted";
  time.textContent = one.time.replaceAll("_", ":").slice(0, 5);
  const what = document.createElement("span");
  what.textContent = one.what;
  const at = new URLSearchParams({ id: one.id, camera });
  line.append(time, what, anchor(`/api/record?${at}`, "Open", one), anchor(`/api/record?${at}&date=${date}`, "Save", one));
  return line;
}

function anchor(href, text, one) {
  const link = document.createElement("a");
  Object.assign(link, { href, textContent: text });
  link.setAttribute("aria-label", `${text} ${one.what.toLowerCase()} of ${one.time.replaceAll("_", ":")}`);
  return link;
}

function nothing() {
  const line = document.createElement("li");
  Object.assign(line, { className: "muted", textContent: "Nothing yet." });
  return line;
}

function today() {
  const now = new Date();
  return [now.getDate(), now.getMonth() + 1].map((part) => String(part).padStart(2, "0")).join("_") + `_${now.getFullYear()}`;
}
