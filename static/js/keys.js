// One key leads to each thing that can be done on a page of the desk: whatever has data-key says which. A link is
// followed; anything else has the focus then, so that only Enter does something. Nothing happens while somebody types.
{
  const sheet = document.getElementById("keys");
  const opener = document.getElementById("keys-open");
  const switchedOn = document.getElementById("keys-on");
  const isOn = () => localStorage.getItem("keys") !== "off";
  const first = (place) => place.querySelector("input:not([type=hidden]), select, textarea, button");
  const within = (place) => place.matches("a, button") ? place : first(place.closest("details") ?? place) ?? place;
  const places = () => Array.from(document.querySelectorAll("[data-key]"), (place) => [place.dataset.key, place]);
  const named = (id) => document.getElementById(id)?.textContent;
  const nameOf = (place) =>
    place.dataset.does ?? place.ariaLabel ?? named(place.getAttribute("aria-labelledby")) ?? place.textContent;

  // Keys are told to whoever does not see the sheet, too.
  const tell = () => {
    for (const [key, place] of places()) {
      const told = place.matches("summary") ? place : within(place);
      if (isOn()) told.setAttribute("aria-keyshortcuts", key);
      else told.removeAttribute("aria-keyshortcuts");
    }
  };

  const goTo = (place) => {
    if (place.matches("a")) return place.click();
    if (place.matches("summary")) place.parentElement.open = true;
    within(place).focus();
  };

  // From one row of the lists to the next.
  const step = (way) => {
    const rows = Array.from(document.querySelectorAll("table.list tbody th a"));
    const here = rows.indexOf(document.activeElement);
    const next = here < 0 ? (way > 0 ? 0 : rows.length - 1) : here + way;
    rows[Math.min(Math.max(next, 0), rows.length - 1)]?.focus();
  };

  const show = () => {
    const shown = sheet.querySelector("[data-these]");
    shown.replaceChildren(
      ...places().flatMap(([key, place]) => {
        const name = document.createElement("dt");
        name.append(Object.assign(document.createElement("kbd"), { textContent: key }));
        return [name, Object.assign(document.createElement("dd"), { textContent: nameOf(place).trim() })];
      }),
    );
    switchedOn.checked = isOn();
    sheet.showModal();
  };

  const isTyping = (place) => place?.matches("textarea, select, input:not([type=checkbox], [type=radio])") ?? false;

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.isComposing || sheet.open || !isOn()) return;
    if (key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches("textarea")) {
      event.preventDefault();
      return target.form.requestSubmit(target.form.querySelector("[type=submit]"));
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && isTyping(target)) return target.blur();
    if (isTyping(target)) return;
    const place = places().find(([named]) => named === key)?.[1];
    if (place) goTo(place);
    else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
    else if (key === "?") show();
    else return;
    event.preventDefault();
  });

  document.addEventListener("htmx:afterSettle", tell);
  opener.hidden = false;
  opener.addEventListener("click", show);
  switchedOn.addEventListener("change", () => {
    localStorage.setItem("keys", switchedOn.checked ? "on" : "off");
    tell();
  });
  tell();
}
