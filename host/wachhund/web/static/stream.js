// Where a page's changes come from: the stream that all tabs of this browser share, or one of its own where a browser
// knows no shared workers.

const SIGN_MS = 20_000;
const RETRY_MS = 3_000;

/** Follows `address` from the state `id`. `on(kind, data, id)` hears change, beat, end and lost. Returns { stop }. */
export function follow(address, id, on) {
  return "SharedWorker" in window ? shared(address, id, on) : own(address, id, on);
}

function shared(address, id, on) {
  const { port } = new SharedWorker("/static/live-shared.js", { name: "wachhund-live" });
  port.addEventListener("message", (event) => on(event.data.kind, event.data.data, event.data.id));
  port.start();
  const say = () => port.postMessage({ address, id });
  const sign = setInterval(say, SIGN_MS);
  const stop = () => {
    clearInterval(sign);
    port.postMessage({ leave: true });
    port.close();
  };
  say();
  return { stop };
}

function own(address, id, on) {
  let stream = null;
  let retry = 0;
  const open = () => {
    stream = new EventSource(`${address}${address.includes("?") ? "&" : "?"}from=${encodeURIComponent(id)}`);
    for (const kind of ["change", "beat", "end"]) {
      stream.addEventListener(kind, (event) => {
        id = event.lastEventId || id;
        on(kind, JSON.parse(event.data), id);
      });
    }
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      on("lost", {}, id);
      retry = setTimeout(open, RETRY_MS);
    });
  };
  const stop = () => {
    clearTimeout(retry);
    stream?.close();
  };
  open();
  return { stop };
}
