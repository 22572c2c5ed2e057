// What pages do beyond links and forms. Every page works without it.

// A form that is on its way says so, and is not sent twice; a step back in the browser wakes it again.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || event.target.method !== "post" || !button) return;
  if (button.getAttribute("aria-busy") === "true") return event.preventDefault();
  button.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
});
