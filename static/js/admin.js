/* What Django's admin leaves out. Without scripts a list is a table that scrolls, and a choice is a plain one. */
"use strict";

{
  // On phones a row of a list becomes a card, in which each value needs the name of its column.
  const list = document.getElementById("result_list");
  if (list) {
    const names = Array.from(list.tHead.rows[0].cells, (cell) => cell.querySelector(".text").textContent.trim());
    for (const row of list.tBodies[0].rows) Array.from(row.cells, (cell, place) => (cell.dataset.label = names[place]));
    list.classList.add("labelled");
  }

  // Select2 draws a box in place of a choice, and a list with a field to search in: they take the name of the choice.
  const choices = document.querySelectorAll("select.admin-autocomplete");
  for (const choice of choices) choice.dataset.dropdownParent = "#content-start";

  function nameBox(choice) {
    const label = document.querySelector(`label[for="${CSS.escape(choice.id)}"]`);
    const box = choice.parentElement.querySelector(".select2-selection");
    if (!label || !box) return;
    label.id ||= `${choice.id}_label`;
    const shown = box.querySelector(".select2-selection__rendered");
    box.setAttribute("aria-labelledby", `${label.id} ${shown.id}`);
    // It is what the box shows, and no field of its own.
    shown.removeAttribute("role");
    shown.removeAttribute("aria-readonly");
  }

  // After Django's own, which has them drawn.
  window.django?.jQuery?.(() => choices.forEach(nameBox));
  document.addEventListener("focusin", ({ target }) => {
    const box = document.querySelector(".select2-container--open .select2-selection");
    if (!box || !target.classList.contains("select2-search__field")) return;
    target.setAttribute("aria-labelledby", box.getAttribute("aria-labelledby").split(" ")[0]);
    box.setAttribute("aria-controls", box.getAttribute("aria-owns"));
  });
}
