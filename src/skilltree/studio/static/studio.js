// Makes two things quicker. Without it, every page works by its buttons.
"use strict";

for (const select of document.querySelectorAll("select[data-submits]")) {
  // Only after a choice by mouse or Enter: arrow keys alone must not leave the page.
  let opened = false;
  select.addEventListener("pointerdown", () => { opened = true; });
  select.addEventListener("change", () => { if (opened) select.form.requestSubmit(); });
}

for (const field of document.querySelectorAll("input[data-filters]")) {
  const rows = [...document.querySelectorAll(`#${field.dataset.filters} tbody tr`)];
  const count = document.querySelector(`[data-counts="${field.dataset.filters}"]`);
  const all = count.textContent.split(" of ")[1];
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${all}`;
  });
}
