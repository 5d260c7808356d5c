// Process editor: reordering steps by dragging and by keyboard, and the preview of the pools.
// The list is a form of hidden step ids in the order of the page; whoever moves a row sends that form.
(() => {
  "use strict";
  const { $, $$, each, on } = window.Octo;

  // Reordering

  let focusAfter = null;

  function sendOrder(values) {
    const form = $("#steps-form");
    htmx.ajax("POST", form.action, { source: form, values: values || {}, target: "#process-steps", swap: "outerHTML" });
  }

  /** The server moves the step: it knows children and their parents; the focus comes back to the row. */
  function move(way, step) {
    focusAfter = step;
    sendOrder({ move: `${way}:${step}` });
  }

  const stepRows = (list) => [...list.children].filter((one) => one.dataset.step);

  /** After a drag: whose child a row is, by what stands around it; the children of a row come along. */
  function settle(row, list) {
    const rows = stepRows(list);
    const own = rows.filter((one) => one.dataset.parent === row.dataset.step);
    let before = rows[rows.indexOf(row) - 1];
    const after = rows.slice(rows.indexOf(row) + 1).find((one) => !own.includes(one));
    const above = after?.dataset.parent || "";
    if (own.length) {
      // A step with children cannot be a child: it goes behind the ones that it was dropped among.
      const rest = rows.filter((one) => above && one.dataset.parent === above);
      if (rest.length) rest.at(-1).after(row);
      for (const child of own.reverse()) row.after(child);
      return;
    }
    while (before === row) before = rows[rows.indexOf(before) - 1];
    const stays = row.dataset.parent && before && [before.dataset.parent, before.dataset.step].includes(row.dataset.parent);
    const parent = above || (stays ? row.dataset.parent : "");
    $('input[name="parent"]', row).value = parent;
  }

  each(() => {
    for (const list of $$("ol[data-sortable]")) {
      if (list.dataset.ready) continue;
      list.dataset.ready = "1";
      new Sortable(list, {
        handle: ".grip",
        draggable: "li[data-step]",
        animation: 150,
        onEnd: ({ item, oldIndex, newIndex }) => {
          if (oldIndex === newIndex) return;
          settle(item, list);
          sendOrder();
        },
      });
    }
  });

  const WAYS = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "in", ArrowLeft: "out" };

  on("keydown", "ol[data-sortable] > li", (row, event) => {
    if (!event.altKey || !WAYS[event.key]) return;
    // Also where it cannot go there: the browser would leave the page.
    event.preventDefault();
    if ($("[data-menu]", row).dataset.menu.split(" ").includes(WAYS[event.key])) move(WAYS[event.key], row.dataset.step);
  });

  // One menu serves all rows. Without script it is that of the open step, and the others lead to theirs.

  function fitMenu(row) {
    const menu = $("#step-menu");
    const can = $("[data-menu]", row).dataset.menu.split(" ");
    const url = $(":scope > a", row).getAttribute("href");
    for (const item of $$("[data-move]", menu)) {
      item.value = `${item.dataset.move}:${row.dataset.step}`;
      item.hidden = !can.includes(item.dataset.move);
    }
    for (const item of $$("[data-act]", menu)) {
      const act = item.dataset.act;
      item.setAttribute(item.matches("a") ? "href" : "formaction", `${url}${act}/`);
      item.hidden = (act === "enable" || act === "disable") && !can.includes(act);
    }
    return menu;
  }

  function opens(control) {
    for (const one of $$("#process-steps [data-opens]")) delete one.dataset.opens;
    control.dataset.opens = "step-menu";
    return fitMenu(control.closest("li"));
  }

  on("click", "a[data-menu]", (link, event) => {
    event.preventDefault();
    const menu = opens(link);
    if (!menu.matches(":popover-open")) menu.showPopover();
  });
  on("click", "button[data-menu]", opens);
  each(() => {
    for (const link of $$("a[data-menu]")) {
      link.setAttribute("role", "button");
      link.setAttribute("aria-haspopup", "menu");
    }
  });
  on("keydown", "a[data-menu]", (link, event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    link.click();
  });

  // The buttons of the menu work without script; with it they keep the page and its unsaved changes.
  on("click", "#step-menu button[data-move]", (button, event) => {
    event.preventDefault();
    const [way, step] = button.value.split(":");
    move(way, step);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    // What comes beside the list settles before it.
    if (!focusAfter || event.target.id !== "process-steps") return;
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
