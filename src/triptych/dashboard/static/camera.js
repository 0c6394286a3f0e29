// The page of one camera: live picture, state, buttons and keys.
import { call } from "/pages/api.js";
import { Drive } from "/pages/drive.js";
import { Kept } from "/pages/kept.js";
import { Line } from "/pages/line.js";
import { Picture } from "/pages/picture.js";
import { ACTIVITIES, clock, live, sentence, word } from "/pages/words.js";

const SECOND_MS = 1000;
const BEAT_MS = 250;
const NOTICE_MS = 8000;
const WAYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
const at = (id) => document.getElementById(id);
const camera = at("watch").dataset.camera;

let state = null;
let recordingSince = null;
let lost = false;

const line = new Line(camera, {
  open: () => { lost = false; want.last = ""; at("link").textContent = "Connected"; at("link").dataset.state = "open"; want(); kept.refresh(); },
  lost: (pause_ms) => { lost = true; at("link").textContent = `Lost, again in ${Math.ceil(pause_ms / SECOND_MS)} s`; at("link").dataset.state = "lost"; beat(); },
  event: (event) => {
    if (event.note === "state") show(event.data);
    else if (event.note === "error") notice(event.data.message);
    else if (event.note === "alarm") { notice("Alarm: somebody is in view."); kept.refresh(); }
  },
  picture: (head, jpeg) => picture.draw(head, jpeg),
});
const picture = new Picture(at("picture"), () => line.now_ms());
const kept = new Kept(at("records"), camera);
const drive = new Drive(line, document.querySelector(".pad"));

/** Ask for pictures that fit the page, and for none while nobody sees it. */
function want() {
  const width = Math.min(1280, Math.max(320, Math.ceil(at("picture").clientWidth * devicePixelRatio / 160) * 160));
  const asked = document.hidden ? null : { fps: 30, width, marks: true };
  if (JSON.stringify(asked) !== want.last && line.say({ want: asked })) want.last = JSON.stringify(asked);
}

function notice(message) {
  at("alert").textContent = message;
  at("alert").hidden = false;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => { at("alert").hidden = true; }, NOTICE_MS);
}

async function act(method, query, path = "/api/job") {
  try {
    await call(method, path, { ...query, camera });
    at("alert").hidden = true;
  } catch (fault) {
    notice(fault.message);
  }
}

function row(cause) {
  const item = document.createElement("li");
  item.innerHTML = '<span class="what"><span></span><span class="word"></span></span><span class="acts"><button type="button"></button><button type="button">Stop</button></span>';
  item.querySelector(".what span").textContent = ACTIVITIES[cause];
  const [go, stop] = item.querySelectorAll("button");
  go.addEventListener("click", () => act(...step(cause)));
  stop.addEventListener("click", () => act("DELETE", { cause }));
  stop.setAttribute("aria-label", `Stop ${ACTIVITIES[cause].toLowerCase()}`);
  return { item, go, stop, said: item.querySelector(".word") };
}

const rows = Object.fromEntries(Object.keys(ACTIVITIES).map((cause) => [cause, row(cause)]));
at("activities").append(...Object.values(rows).map(({ item }) => item));

/** What the first button of an activity does now. */
function step(cause) {
  const activity = state?.[cause];
  if (!activity || !live(activity)) return ["PUT", { cause }];
  return activity.state === "paused" ? ["PATCH", { cause }] : ["DELETE", { cause, pause: "true" }];
}

function show(fresh) {
  const kept_before = state && `${state.record.id} ${state.record.state}`;
  state = fresh;
  if (at("status").textContent !== sentence(state)) at("status").textContent = sentence(state);
  for (const [cause, parts] of Object.entries(rows)) showRow(cause, parts, state[cause]);
  const records = live(state.record);
  recordingSince = records && state.record.state === "on" ? performance.now() - state.record.seconds * SECOND_MS : null;
  at("record-word").textContent = records ? "Stop recording" : "Record";
  at("screen").toggleAttribute("data-recording", state.record.state === "on");
  at("hold-word").textContent = state.state === "paused" ? "Resume" : "Pause";
  at("hold").disabled = state.state === "idle";
  at("detector").replaceChildren(...detector(state.detector));
  at("mark").value = state.mark ?? "false";
  at("hints").replaceChildren(...state.warnings.map((hint) => Object.assign(document.createElement("li"), { textContent: hint })));
  at("hints").hidden = !state.warnings.length;
  if (kept_before !== `${state.record.id} ${state.record.state}`) kept.refresh();
}

function showRow(cause, { go, stop, said }, activity) {
  const on = live(activity);
  const verb = !on ? "Start" : activity.state === "paused" ? "Resume" : "Pause";
  go.textContent = verb;
  go.className = { Start: "soft", Resume: "main" }[verb] ?? "";
  go.setAttribute("aria-label", `${verb} ${ACTIVITIES[cause].toLowerCase()}`);
  stop.disabled = !on;
  said.textContent = word(cause, activity);
  said.toggleAttribute("data-live", on);
  said.toggleAttribute("data-failed", activity.state === "failed");
}

function detector({ name, every, ms }) {
  if (!name) return ["off"];
  const cost = Object.assign(document.createElement("small"), { textContent: ms ? ` ${ms.toFixed(0)} ms` : "" });
  return [every === 1 ? "every frame" : `1 in ${every} frames`, cost];
}

/** Say how fresh the picture is; nothing here is announced, it changes all the time. */
function beat() {
  const age_ms = picture.age();
  const fresh = age_ms !== null && !picture.stale && !lost;
  const since_s = picture.drawn_ms === null ? 0 : Math.round((performance.now() - picture.drawn_ms) / SECOND_MS);
  at("screen").dataset.state = fresh ? "live" : age_ms === null ? "waiting" : "stale";
  at("live").textContent = fresh ? "Live" : age_ms === null ? "Waiting" : "Stale";
  at("veil").textContent = age_ms === null ? (lost ? "Connection lost" : "Waiting for the first picture") : `${lost ? "Connection lost, picture" : "Picture"} stale since ${since_s} s`;
  at("age").textContent = age_ms === null ? "–" : fresh ? `${Math.round(age_ms)} ms` : `stale since ${since_s} s`;
  at("fps").textContent = picture.fps ? picture.fps.toFixed(0) : "–";
  const pose = fresh && picture.findings?.head;
  at("head").textContent = pose ? `${pose.pan.toFixed(1)}° ${pose.tilt.toFixed(1)}°` : "–";
  if (recordingSince !== null) rows.record.said.textContent = `on, ${clock((performance.now() - recordingSince) / SECOND_MS)}`;
}

const shoot = async () => { await act("PUT", { cause: "take_shots" }); kept.refresh(); };
const record = () => act(state && live(state.record) ? "DELETE" : "PUT", { cause: "record" });
const hold = () => { if (state?.state === "paused") act("PATCH", {}); else if (state?.state === "active") act("DELETE", { pause: "true" }); };
const halt = () => { drive.clear(); act("DELETE", {}, "/api/move"); };

for (const [id, deed] of Object.entries({ shot: shoot, "record-key": record, hold, halt })) at(id).addEventListener("click", deed);
at("mark").addEventListener("change", () => act("POST", { mark: at("mark").value }));

const KEYS = { s: shoot, r: record, " ": hold };
const busy = (target) => target.closest("select, input:not([type=checkbox]), textarea");
const takesSpace = (target) => target.closest("button, a, input, summary");

addEventListener("keydown", (event) => {
  if (event.key === "Escape") return halt();
  if (event.ctrlKey || event.metaKey || event.altKey || busy(event.target) || !at("shortcuts").checked) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (WAYS[key]) {
    event.preventDefault();
    drive.press(WAYS[key]);
  } else if (KEYS[key] && !event.repeat && !(key === " " && takesSpace(event.target))) {
    event.preventDefault();
    KEYS[key]();
  }
});
addEventListener("keyup", (event) => { if (WAYS[event.key]) drive.release(WAYS[event.key]); });
document.addEventListener("visibilitychange", want);
new ResizeObserver(() => { clearTimeout(want.timer); want.timer = setTimeout(want, BEAT_MS); }).observe(at("picture"));
at("shortcuts").checked = localStorage.getItem("shortcuts") !== "off";
at("shortcuts").addEventListener("change", () => localStorage.setItem("shortcuts", at("shortcuts").checked ? "on" : "off"));
setInterval(beat, BEAT_MS);
