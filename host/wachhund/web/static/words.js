// What scripts say, in the language of the page: the server writes the translations into it (languages.py).
// The English text is the key, and stands where none is known. `%(name)s` is filled by the value of that name.

const known = JSON.parse(document.querySelector('meta[name="wachhund-words"]')?.content || "{}");
const zone = document.querySelector('meta[name="wachhund-zone"]')?.content || "UTC";

export function say(text, values = {}) {
  return (known[text] ?? text).replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));
}

/** The time of day in the zone of the page: `14:02:11 UTC+1`, as moments.py has it. */
export function timeOfDay(seconds) {
  const wish = { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "shortOffset" };
  const parts = new Intl.DateTimeFormat("en-GB", wish).formatToParts(new Date(seconds * 1000));
  const part = (type) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("hour")}:${part("minute")}:${part("second")} ${part("timeZoneName").replace("GMT", "UTC")}`;
}

function span(seconds) {
  const s = Math.max(0, seconds);
  if (s < 60) return say("%(n)s s", { n: Math.floor(s) });
  if (s < 3600) return say("%(n)s min", { n: Math.floor(s / 60) });
  if (s < 172800) return say("%(n)s h", { n: Math.floor(s / 3600) });
  return say("%(n)s d", { n: Math.floor(s / 86400) });
}

export function ago(t, now) {
  return t > now + 1 ? say("in %(span)s", { span: span(t - now) }) : say("%(span)s ago", { span: span(now - t) });
}
