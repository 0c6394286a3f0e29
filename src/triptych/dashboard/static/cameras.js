// The list of cameras, each with how it stands.
import { Line } from "/pages/line.js";
import { sentence } from "/pages/words.js";

const link = document.getElementById("link");

function show(text, state) {
  link.textContent = text;
  link.dataset.state = state;
}

new Line("*", {
  open: () => show("Connected", "open"),
  lost: () => show("Connection lost", "lost"),
  event: ({ note, camera, data }) => {
    const standing = note === "state" && document.querySelector(`[data-camera="${CSS.escape(camera)}"] [data-standing]`);
    if (!standing) return;
    standing.textContent = sentence(data);
    standing.toggleAttribute("data-live", data.state === "active");
  },
  picture: () => {},
});
