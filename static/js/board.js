// The board is drawn anew every few seconds: what somebody opened in it stays open.
let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  opened = Array.from(event.detail.target.querySelectorAll("details[open]"), (details) => details.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
});
