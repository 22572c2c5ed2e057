/* What Django's admin leaves out. */
"use strict";

{
  // On phones a row of a list becomes a card, in which each value needs the name of its column.
  const list = document.getElementById("result_list");
  if (list) {
    const names = Array.from(list.tHead.rows[0].cells, (cell) => cell.querySelector(".text").textContent.trim());
    for (const row of list.tBodies[0].rows) Array.from(row.cells, (cell, place) => (cell.dataset.label = names[place]));
    list.classList.add("labelled");
  }

  // A corner without words is no heading of anything.
  for (const corner of document.querySelectorAll("th.original:empty")) corner.outerHTML = '<td class="original"></td>';
}
