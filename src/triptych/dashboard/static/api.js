// Calls of the camera's API, with the page's token where a cookie says who calls.
const token = document.querySelector('meta[name="page-token"]').content;
const headers = token ? { "x-page-token": token } : {};

/** Ask; return the data of an OK answer. Throws an Error whose message can be shown. */
export async function call(method, path, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined));
  let answer;
  try {
    answer = await fetch(`${path}?${asked}`, { method, headers, cache: "no-store" });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const body = await answer.json().catch(() => ({}));
  if (body.status !== "OK") throw new Error(body.message || `The server answered ${answer.status}.`);
  return body.data;
}

/** Return a web socket of the stream; the token travels as a subprotocol, for a socket cannot have headers. */
export function socket(camera) {
  const url = new URL(`/api/stream/ws?camera=${encodeURIComponent(camera)}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const line = new WebSocket(url, token ? ["triptych", `token.${token}`] : ["triptych"]);
  line.binaryType = "arraybuffer";
  return line;
}

document.getElementById("sign-out")?.addEventListener("click", async () => {
  await fetch("/sign-in", { method: "DELETE", headers });
  location.assign("/sign-in");
});
