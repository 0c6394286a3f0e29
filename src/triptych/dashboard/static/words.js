// The state of a camera in plain words.
export const ACTIVITIES = { track: "Track", record: "Record", mission: "Mission", live_stream: "Live stream" };
const QUIET = ["off", "finished", "failed"];

export const live = (activity) => !QUIET.includes(activity.state);

export function word(cause, activity) {
  const state = activity.state.replace("_", " ");
  if (cause === "track" && activity.target) return `${state} on face ${activity.target.track}`;
  if (cause === "track" && live(activity)) return `${activity.job_type}: ${state}`;
  if (cause === "mission" && activity.scenario && live(activity)) return `${state}: ${activity.scenario}`;
  return state;
}

export function sentence(state) {
  const running = Object.keys(ACTIVITIES).filter((cause) => state[cause] && live(state[cause]));
  const failed = Object.keys(ACTIVITIES).filter((cause) => state[cause]?.state === "failed");
  const parts = [...running, ...failed].map((cause) => `${ACTIVITIES[cause]} ${word(cause, state[cause])}`);
  const lead = { idle: "Idle", active: "At work", paused: "Paused" }[state.state] ?? state.state;
  return parts.length ? `${lead}. ${parts.join(", ")}.` : `${lead}. Nothing is running.`;
}

export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
