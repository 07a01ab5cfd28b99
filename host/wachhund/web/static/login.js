// A one-time code stands in the fragment, which never reaches a log or another server. It is sent once, as a form.

const code = location.hash.slice(1);
if (code) {
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.getElementById("code-form");
  form.elements.code.value = decodeURIComponent(code);
  form.submit();
}
