// Process editor: reordering steps by dragging and by keyboard, and the preview of the pools.
// The list is a form of hidden step ids in the order of the page; whoever moves a row sends that form.
(() => {
  "use strict";
  const { $, $$, each, on } = window.Octo;

  // Reordering

  let focusAfter = null;

  function sendOrder() {
    const form = $("#steps-form");
    htmx.ajax("POST", form.action, { source: form, target: "#process-steps", swap: "outerHTML" });
  }

  each(() => {
    for (const list of $$("ol[data-sortable]")) {
      if (list.dataset.ready) continue;
      list.dataset.ready = "1";
      new Sortable(list, { handle: ".grip", draggable: "li[data-step]", animation: 150, onEnd: ({ oldIndex, newIndex }) => oldIndex !== newIndex && sendOrder() });
    }
  });

  /** Moves a row one place and sends the order; the focus comes back to the row in the new list. */
  function move(row, up) {
    // Lines that say which steps run in parallel are no places.
    const rows = [...row.parentElement.children].filter((one) => one.dataset.step);
    const other = rows[rows.indexOf(row) + (up ? -1 : 1)];
    if (!other) return;
    if (up) other.before(row);
    else other.after(row);
    focusAfter = row.dataset.step;
    sendOrder();
  }

  on("keydown", "ol[data-sortable] > li", (row, event) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    move(row, event.key === "ArrowUp");
  });

  // The buttons of the menu work without script; with it they keep the page and its unsaved changes.
  on("click", "#steps-form button[data-move]", (button, event) => {
    event.preventDefault();
    move(button.closest("li"), button.dataset.move === "up");
  });

  document.addEventListener("htmx:afterSettle", () => {
    if (!focusAfter) return;
    const link = $(`#process-steps li[data-step="${CSS.escape(focusAfter)}"] > a`);
    focusAfter = null;
    link?.focus();
    markDirty();
  });

  // A dot in the list while the step has unsaved changes.

  function markDirty() {
    const dirty = Boolean($("#step-form[data-dirty]"));
    $("#process-steps")?.classList.toggle("has-changes", dirty);
  }

  document.addEventListener("octo:dirty", markDirty);
  each(markDirty);

  // Leaving on purpose: discarding is what the link says, so there is nothing to ask.
  on("click", "a[data-discard]", () => {
    const form = $("#step-form");
    if (form) delete form.dataset.guard;
  });

  // Searching the kinds of steps: each word has to be in the name or the description.

  each(() => {
    for (const field of $$("[data-pick-search]")) field.closest("[hidden]")?.removeAttribute("hidden");
  });

  const picks = (field) => $$("[data-pick]", field.closest("[data-picks]"));

  on("input", "[data-pick-search]", (field) => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const pick of picks(field)) {
      const text = pick.textContent.toLowerCase();
      pick.hidden = !words.every((word) => text.includes(word));
    }
    const left = picks(field).filter((pick) => !pick.hidden).length;
    const status = $("[data-pick-status]", field.closest("[data-picks]"));
    status.textContent = left ? "" : "No kind of step has these words.";
    status.hidden = Boolean(left);
  });

  on("keydown", "[data-pick-search]", (field, event) => {
    const first = picks(field).find((pick) => !pick.hidden);
    if (event.key === "Escape" && field.value) {
      event.preventDefault();
      event.stopPropagation();
      field.value = "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (event.key === "Enter") {
      event.preventDefault();
      first?.querySelector("a")?.click();
    } else if (event.key === "ArrowDown" && !field.closest(".menu")) {
      event.preventDefault();
      first?.querySelector("a")?.focus();
    }
  });

  // Preview: asked anew when the choice changes, and when pools do. Only the box that is seen asks.

  const CHOICE = '[name="pool_choice"], [name="worker_pool"], [name="worker_pool_variable"], [name="other_variable"]';
  const PAUSE = 250;
  let timer = 0;

  function refresh() {
    const form = $("#step-form");
    const box = form && $$("[data-preview]", form).find((one) => one.closest(".opt-body").offsetParent);
    if (box) htmx.ajax("POST", form.dataset.previewUrl, { source: box, values: choice(form), target: box, swap: "innerHTML" });
  }

  /** What the preview needs to know; not the script, which may be long. */
  function choice(form) {
    const values = { action_type: form.elements.action_type.value, current: form.elements.current.value };
    for (const name of ["pool_choice", "worker_pool", "worker_pool_variable", "other_variable"]) {
      values[name] = form.elements[name]?.value ?? "";
    }
    return values;
  }

  for (const type of ["change", "input"]) {
    on(type, `#step-form :is(${CHOICE})`, () => {
      clearTimeout(timer);
      timer = setTimeout(refresh, type === "change" ? 0 : PAUSE);
    });
  }
  document.addEventListener("reset", () => setTimeout(refresh));
  document.body.addEventListener("live:pools", refresh);

  // "Edit values" follows the variable that is chosen.
  on("change", '[name="worker_pool_variable"]', (select) => {
    const link = $("#pool-variable a[data-values]");
    if (link) link.href = `${link.dataset.values}?name=${encodeURIComponent(select.value)}`;
  });
})();
