// Signing in with a token, and back to where one came from.
const FAULTS = { 401: "This token is not known, or it has ended.", 429: "Too many attempts: wait a minute." };
const alert = document.getElementById("alert");

document.getElementById("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = document.getElementById("token").value.trim();
  const answer = await fetch("/sign-in", { method: "POST", body: JSON.stringify({ token }) }).catch(() => null);
  if (answer?.ok) return location.assign(next());
  alert.textContent = answer ? FAULTS[answer.status] ?? `The server answered ${answer.status}.` : "The server cannot be reached.";
  alert.hidden = false;
});

/** Only a path of this server is gone to. */
function next() {
  const asked = new URL(new URLSearchParams(location.search).get("next") ?? "/cameras", location.origin);
  return asked.origin === location.origin ? asked.pathname : "/cameras";
}
