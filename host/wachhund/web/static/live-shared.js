// One event stream for all tabs of a browser: HTTP/1.1 gives about six connections to a host, and six tabs that each hold
// one would hang the seventh. Each tab says which address it shows and what it knows; the stream is opened anew when
// that changes, from what each tab knew last, so that nothing is lost in between.

const RETRY_MS = 2_000;
const TOGETHER_MS = 30; // tabs that open or close together make one new stream
const TAB_SILENT_MS = 90_000; // a tab says every 20 s that it lives: one that crashed said no farewell

const tabs = new Map(); // port -> { address, id, seen, place }; place: which of the stream's pages it shows
let stream = null;
let due = 0;

function soon(wait) {
  clearTimeout(due);
  due = setTimeout(open, wait);
}

function open() {
  stream?.close();
  stream = null;
  if (tabs.size === 0) return;
  const query = new URLSearchParams();
  const places = new Map();
  for (const tab of tabs.values()) {
    // Two tabs of one page may know different states of it: each is told what is new to it.
    const what = `${tab.id} ${tab.address}`;
    if (!places.has(what)) {
      places.set(what, places.size);
      query.append("a", tab.address);
      query.append("from", tab.id);
    }
    tab.place = places.get(what);
  }
  stream = new EventSource(`/streams?${query}`);
  for (const kind of ["change", "beat", "end"]) stream.addEventListener(kind, (event) => hand(kind, event));
  stream.addEventListener("error", () => {
    // Never the browser's own second try: it would ask with what the tabs knew when this stream began.
    stream.close();
    stream = null;
    for (const port of tabs.keys()) port.postMessage({ kind: "lost" });
    soon(RETRY_MS);
  });
}

function hand(kind, event) {
  const data = JSON.parse(event.data);
  for (const [port, tab] of tabs) {
    if ("of" in data && data.of !== tab.place) continue;
    if (kind === "change") tab.id = event.lastEventId;
    port.postMessage({ kind, data, id: tab.id });
  }
  if (kind === "end") stream.close();
}

self.addEventListener("connect", (event) => {
  const [port] = event.ports;
  port.addEventListener("message", (message) => {
    const { address, id, leave } = message.data;
    const known = tabs.get(port);
    if (leave) tabs.delete(port);
    else tabs.set(port, { address, id: known?.id || id, seen: Date.now() });
    if (leave || known?.address !== address) soon(TOGETHER_MS);
  });
  port.start();
});

setInterval(() => {
  for (const [port, tab] of tabs) if (Date.now() - tab.seen > TAB_SILENT_MS) { tabs.delete(port); soon(TOGETHER_MS); }
}, 20_000);
