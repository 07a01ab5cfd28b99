// Tells the host in which time zone this browser is, so that the next page has its times: viewing.py. A person's setting
// goes before it. Without this script times are in UTC, and say so.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
if (/^[A-Za-z0-9_+\/-]{1,64}$/.test(zone)) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `wachhund_zone=${zone}; Path=/; Max-Age=31536000; SameSite=Strict${secure}`;
}
