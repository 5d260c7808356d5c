/* Rows of a formset (fieldset[data-rows="prefix"]): add, remove, drag. Without script the page shows a
   few blank rows, a place number and a box to remove; with it these give way to buttons. */
(() => {
  "use strict";

  const changed = (node) => node.dispatchEvent(new CustomEvent("octo:changed", { bubbles: true }));

  const number = (list) => {
    let place = 0;
    for (const row of list.children) {
      const field = row.querySelector("[name$=-ORDER]");
      if (field && !row.hidden) field.value = String((place += 1));
    }
  };

  const place = (row) => Number(row.querySelector("[name$=-ORDER]").value) || Number.MAX_SAFE_INTEGER;

  const dress = (row) => {
    for (const selector of [".place", ".remove"]) row.querySelector(selector).hidden = true;
    for (const selector of [".grip", "[data-row-remove]"]) row.querySelector(selector).hidden = false;
  };

  // A page that comes back with errors keeps what was removed, unless just that was refused.
  const settle = (row, isRefused) => {
    const gone = row.querySelector("[name$=-DELETE]");
    if (isRefused) gone.checked = false;
    row.hidden = gone.checked;
  };

  const isBlank = (row) => !row.querySelector("[name$=-name]").value && !row.querySelector("[name$=-id]").value;

  const add = (group, list) => {
    const total = group.querySelector(`[name=${group.dataset.rows}-TOTAL_FORMS]`);
    const markup = group.querySelector("template").innerHTML.replaceAll("__prefix__", total.value);
    list.insertAdjacentHTML("beforeend", markup);
    total.value = String(Number(total.value) + 1);
    const row = list.lastElementChild;
    dress(row);
    number(list);
    row.querySelector("[name$=-name]").focus();
  };

  const remove = (row, list) => {
    row.querySelector("[name$=-DELETE]").checked = true;
    row.hidden = true;
    number(list);
    changed(list);
  };

  const start = (group) => {
    if (group.dataset.rowsReady) return;
    group.dataset.rowsReady = "yes";
    const list = group.querySelector("ul");
    const rows = [...list.children].sort((one, other) => place(one) - place(other));
    list.append(...rows);
    rows.forEach(dress);
    rows.forEach((row) => settle(row, "rowsRefused" in group.dataset));
    // One blank row invites; the others were for pages without script.
    rows.filter(isBlank).slice(1).forEach((row) => (row.hidden = true));
    number(list);
    const button = group.querySelector("[data-rows-add]");
    button.hidden = false;
    button.addEventListener("click", () => add(group, list));
    list.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-row-remove]");
      if (pressed) remove(pressed.closest("li"), list);
    });
    Sortable.create(list, {
      handle: ".grip",
      animation: 120,
      onEnd: () => {
        number(list);
        changed(list);
      },
    });
  };

  Octo.each((root) => Octo.$$("[data-rows]", root).forEach(start));
})();
