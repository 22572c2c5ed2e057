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

// Whoever goes back a step to choose another time finds again what they typed; whoever leaves the way does not.
{
  const details = document.getElementById("details");
  const typed = () => details.querySelectorAll("input:is([type=text], [type=tel], [type=email])");
  if (details) {
    const before = JSON.parse(sessionStorage.getItem("details") ?? "{}");
    for (const field of typed()) field.value = before[field.name] ?? field.value;
    for (const back of document.querySelectorAll("#steps a, #chosen ~ .facts a")) {
      back.addEventListener("click", () => {
        const now = Array.from(typed(), (field) => [field.name, field.value]);
        sessionStorage.setItem("details", JSON.stringify(Object.fromEntries(now)));
      });
    }
  }
  if (!document.getElementById("way")) sessionStorage.removeItem("details");
}

// A page that answered a form can be asked for again: a step back to it does not ask to send the form once more.
if (document.querySelector("main .errorlist")) {
  history.replaceState(history.state, "", document.getElementById("details")?.dataset.here || location.href);
}

// Paper.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// Parts that refresh themselves. They rest while nobody looks, and say so when they cannot go on.
const refreshes = (element) => element.getAttribute("hx-trigger")?.startsWith("every") ?? false;
const stale = () => document.getElementById("stale"); // a step back in the browser may bring another one
let upToDate = new Date();

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  const isTypedIn = elt.contains(document.activeElement?.closest("input, select, textarea") ?? null);
  if (refreshes(elt) && (document.hidden || isTypedIn)) event.preventDefault();
});

// Whoever is on a link or a button of such a part by keyboard stays there.
const nameOf = (one) => [one.tagName, one.href, one.form?.action, one.name, one.textContent.trim()].join(" ");
let wasOn = null;
document.addEventListener("htmx:beforeSwap", ({ detail: { elt } }) => {
  wasOn = refreshes(elt) && elt.contains(document.activeElement) ? nameOf(document.activeElement) : null;
});
document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  const places = wasOn ? document.getElementById(target.id)?.querySelectorAll("a, button, summary") : [];
  Array.from(places ?? []).find((place) => nameOf(place) === wasOn)?.focus({ preventScroll: true });
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { elt, xhr } = event.detail;
  if (!refreshes(elt)) return;
  // Whose log-in ended is not led away from what they are typing.
  if (xhr.getResponseHeader("HX-Redirect")) event.preventDefault();
  if (xhr.getResponseHeader("HX-Redirect") || xhr.status >= 400) return sayStale();
  upToDate = new Date();
  stale().replaceChildren();
});
function sayStale() {
  if (stale().firstChild) return;
  const words = document.getElementById("stale-words").content.cloneNode(true);
  const time = words.querySelector("time");
  time.dateTime = upToDate.toISOString();
  time.textContent = upToDate.toLocaleTimeString(document.documentElement.lang, {
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: stale().dataset.zone.replaceAll(" ", "_"),
  });
  stale().append(words);
}

// What is the same as before stays as it is, with what somebody has marked in it.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { elt, target, serverResponse } = event.detail;
  if (elt !== target || !refreshes(elt)) return;
  const sheet = document.createElement("template");
  sheet.innerHTML = serverResponse;
  const isSame = (part) => part.innerHTML === document.getElementById(part.id)?.innerHTML;
  if (Array.from(sheet.content.children).every(isSame)) event.detail.shouldSwap = false;
});

// Whoever does not see the page hears what a part says of itself.
document.addEventListener("htmx:afterSwap", (event) => {
  const { elt, target } = event.detail;
  const says = target && document.getElementById(target.id)?.dataset.says;
  if (says && !(refreshes(elt) && says === target.dataset.says)) document.getElementById("news").textContent = says;
});

// Enter in a field both changes and sends its form: what is on the page already is not asked for again.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, pathInfo } = event.detail;
  const isHere = pathInfo.finalRequestPath === location.pathname + location.search;
  if (isHere && elt.matches("form[hx-push-url]")) event.preventDefault();
});

// What did not work in place is asked for as a whole page, which says why.
for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    const { elt, pathInfo, requestConfig } = event.detail;
    if (refreshes(elt)) sayStale();
    else if (requestConfig.verb === "get") location.assign(pathInfo.finalRequestPath);
  });
}

// What is held for a few minutes counts down. Whoever does not see it hears of it twice; at its end the page says more.
for (const shown of document.querySelectorAll("[data-countdown]")) {
  const end = Date.now() + 1000 * Number(shown.dataset.countdown);
  let before = Number(shown.dataset.countdown);
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    shown.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const reached = ["60", "300"].find((mark) => seconds <= Number(mark) && before > Number(mark));
    if (reached) document.getElementById("news").textContent = shown.dataset[`at-${reached}`];
    before = seconds;
    if (seconds) return;
    clearInterval(beat);
    if (!document.querySelector("button[aria-busy]")) location.reload();
  };
  const beat = setInterval(tick, 1000);
  shown.hidden = false;
  tick();
}
