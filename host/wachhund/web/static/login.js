// A one-time code stands in the fragment, which never reaches a log or another server. It is sent once, as a form.

function useCode() {
  const code = location.hash.slice(1);
  if (!code) return;
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.getElementById("code-form");
  form.elements.code.value = code;
  form.submit();
}

// Pasted over an open login page only the fragment changes, and nothing is loaded again.
addEventListener("hashchange", useCode);
useCode();
