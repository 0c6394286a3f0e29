// Ages in ms of pictures whose pixels can be read, by web socket and by <img>; matched by what the pixels say.
async ({ count, region }) => {
  const { Picture } = await import("/pages/picture.js");
  const [width, height] = region;
  const canvas = document.createElement("canvas");
  const picture = new Picture(canvas, () => performance.timeOrigin + performance.now());
  const small = Object.assign(new OffscreenCanvas(width, height)).getContext("2d", { willReadFrequently: true });
  const hash = (source) => {
    small.drawImage(source, (1280 - width) / 2, 200, width, height, 0, 0, width, height);
    const data = new Uint32Array(small.getImageData(0, 0, width, height).data.buffer);
    let sum = 7;
    for (let i = 0; i < data.length; i += 3) sum = (Math.imul(sum, 31) + data[i]) | 0;
    return sum;
  };
  const url = new URL("/api/stream/ws", location.href.replace("http", "ws"));
  const bySocket = async (taken) => {
    const ages = [];
    const line = new WebSocket(url);
    line.binaryType = "arraybuffer";
    line.onopen = () => line.send(JSON.stringify({ want: {} }));
    await new Promise((done) => {
      line.onmessage = async ({ data }) => {
        if (typeof data === "string") return;
        const view = new DataView(data);
        const head = { sequence: view.getUint32(0, true), captured_ms: Number(view.getBigUint64(4, true)) / 1000 };
        await picture.draw(head, new Uint8Array(data, 24));
        canvas.getContext("2d").getImageData(0, 0, 1, 1);
        ages.push(performance.timeOrigin + performance.now() - head.captured_ms);
        line.send(JSON.stringify({ ack: head.sequence }));
        taken?.set(hash(canvas), head.captured_ms);
        if (ages.length >= count) done();
      };
    });
    line.close();
    return ages;
  };
  const socket = await bySocket(null);
  const image = new Image();
  image.src = "/api/stream?type=preview";
  document.body.append(image);
  await new Promise((done) => { image.onload = done; setTimeout(done, 2000); });
  const taken = new Map();
  const seen = new Map();
  let going = true;
  const watching = (async () => {
    for (let last = null; going; await new Promise((next) => setTimeout(next, 1))) {
      const found = hash(image);
      if (found !== last) seen.set((last = found), performance.timeOrigin + performance.now());
    }
  })();
  await bySocket(taken);
  going = false;
  await watching;
  image.remove();
  const multipart = [...seen].filter(([found]) => taken.has(found)).map(([found, at]) => at - taken.get(found));
  return { socket, multipart };
}
