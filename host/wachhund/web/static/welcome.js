// The code stands in the fragment, which never reaches a log or another server: it moves into its field.

function takeCode() {
  const code = location.hash.slice(1);
  if (!code) return;
  history.replaceState(null, "", location.pathname);
  document.getElementById("code").value = code;
}

addEventListener("hashchange", takeCode);
takeCode();
