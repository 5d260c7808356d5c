// Acts in a group of variables (templates/variables/_group.html): the server answers with the group anew. What
// was typed since it was asked must outlive that answer, and one act waits for the one before it.
(() => {
  "use strict";
  const { $, $$ } = window.Octo;

  /** By id of a group that waits for an answer: what it held when it asked. */
  const asked = new Map();
  /** By id of a group: the act that came while it waited, as its hx-vals say it. */
  const next = new Map();
  const late = new Set();

  const fields = (group) => $$("input[name], select[name], textarea[name]", group);
  const held = (group) => JSON.stringify(fields(group).map(({ name, value }) => [name, value]));
  const isGroup = (element) => Boolean(element?.matches?.("#vars tbody"));

  function press(control) {
    // Later: htmx is still busy with the request that has just ended.
    setTimeout(() => control.isConnected && htmx.trigger(control, control.matches("select") ? "change" : "click"));
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { target: group, elt } = event.detail;
    if (!isGroup(group)) return;
    if (asked.has(group.id)) {
      event.preventDefault();
      next.set(group.id, elt.getAttribute("hx-vals"));
    } else {
      asked.set(group.id, held(group));
    }
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target: group, shouldSwap } = event.detail;
    if (!shouldSwap || !asked.has(group?.id)) return;
    if (asked.get(group.id) !== held(group)) {
      event.detail.shouldSwap = false;
      late.add(group.id);
    } else {
      carry(group);
    }
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const { target: group, elt } = event.detail;
    if (!asked.delete(group?.id)) return;
    // By now the answer stands in the page: nothing of a swap is left for later (htmx-config).
    if (late.delete(group.id)) press(elt);
    else goOn();
  });

  /** Presses what was pressed while its group waited, on the control that has taken its place. */
  function goOn() {
    for (const [id, act] of next) {
      if (asked.has(id)) continue;
      next.delete(id);
      const control = $$(`#${id} [hx-vals]`).find((one) => one.getAttribute("hx-vals") === act);
      if (control) press(control);
    }
  }

  // The server never sends a secret back. What was typed before the value became one moves over in the browser.

  let typed = new Map();

  function carry(group) {
    const values = $$("textarea[name$='-value']", group).filter((field) => field.value);
    typed = new Map(values.map((field) => [field.id.replace(/-value$/, "-secret"), field.value]));
  }

  document.addEventListener("htmx:afterSwap", () => {
    for (const [id, value] of typed) {
      const secret = $(`#${id}`);
      if (secret && !secret.value) secret.value = value;
    }
    typed = new Map();
  });
})();
