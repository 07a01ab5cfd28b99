// Keys of incidents, beside those of keys.js: `a` acknowledges. In a list it chooses the row in focus first.
// They can be switched off with the others (WCAG 2.1.4).

const on = () => localStorage.getItem("keys") !== "off";
const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.key !== "a" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !on()) return;
  const button = document.getElementById("ack");
  if (!button) return;
  const bulk = document.getElementById("bulk");
  if (bulk) {
    const box = document.activeElement?.closest("[data-row]")?.querySelector('input[name="chosen"]');
    if (box) box.checked = true;
    if (!bulk.querySelector('input[name="chosen"]:checked')) return;
  }
  event.preventDefault();
  button.form.requestSubmit(button);
});

// Who came back from an act that was refused reads why at once.
document.getElementById("problem")?.scrollIntoView({ block: "center" });
