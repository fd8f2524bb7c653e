"use strict";
// A row of the table shows its set alone: while the pointer or the focus is on it, or, once its
// button is pressed, until it is pressed again or Escape.
for (const chapter of document.querySelectorAll("[data-explanation]")) {
  const rows = [...chapter.querySelectorAll("tr[data-set]")];
  let pinned = null;

  const show = (chosen) => {
    for (const part of chapter.querySelectorAll(".stack [data-set]")) {
      part.classList.toggle("faded", chosen !== null && part.dataset.set !== chosen);
    }
    for (const row of rows) row.classList.toggle("active", row.dataset.set === chosen);
  };
  const pin = (chosen) => {
    pinned = chosen;
    for (const row of rows) {
      row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.set === pinned));
    }
    show(pinned);
  };

  for (const row of rows) {
    const enter = () => {
      chapter.querySelector(".show-sets").checked = true;
      show(row.dataset.set);
    };
    row.addEventListener("mouseenter", enter);
    row.addEventListener("focusin", enter);
    row.addEventListener("mouseleave", () => show(pinned));
    row.addEventListener("focusout", () => show(pinned));
    row.addEventListener("click", () => pin(pinned === row.dataset.set ? null : row.dataset.set));
  }
  chapter.addEventListener("keydown", (event) => {
    if (event.key === "Escape") pin(null);
  });
}
