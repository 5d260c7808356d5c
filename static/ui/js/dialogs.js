// Dialogs: opening and closing, and the one confirm dialog that states the consequence before anything is sent.
(() => {
  "use strict";
  const { $, $$, each, on } = window.Octo;

  /** data-open="id" opens the dialog; data-close closes the one around it. */
  on("click", "[data-open]", (button) => {
    const dialog = document.getElementById(button.dataset.open);
    if (dialog && !dialog.open) dialog.showModal();
  });
  on("click", "[data-close]", (button, event) => {
    const dialog = button.closest("dialog");
    if (!dialog) return;
    event.preventDefault();
    dialog.close();
  });

  // A press on the backdrop closes too, unless a form inside has unsaved changes. Both press and release have
  // to be outside, so that selecting text past the edge keeps the dialog.
  let pressedOutside = false;
  function outside(event) {
    const { left, right, top, bottom } = event.target.getBoundingClientRect();
    return event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom;
  }
  document.addEventListener("pointerdown", (event) => {
    pressedOutside = event.target instanceof HTMLDialogElement && outside(event);
  });
  document.addEventListener("click", (event) => {
    const dialog = event.target;
    if (!(dialog instanceof HTMLDialogElement) || !pressedOutside || !outside(event)) return;
    if (!$("form[data-dirty]", dialog)) dialog.close();
  });

  // <dialog data-auto> opens by itself: with the page, or when htmx brings it. data-remove forgets it once closed.
  each((root) => {
    const found = root instanceof HTMLDialogElement && root.matches("[data-auto]") ? [root] : [];
    for (const dialog of [...found, ...$$("dialog[data-auto]", root)]) if (!dialog.open) dialog.showModal();
  });
  document.addEventListener(
    "close",
    (event) => {
      if (event.target.matches?.("dialog[data-remove]")) event.target.remove();
    },
    true,
  );
  document.addEventListener("octo:close", () => $$("dialog[open]").forEach((dialog) => dialog.close()));

  // Confirm. On a button, a form or an hx-* element:
  //   data-confirm="What will happen"  data-confirm-title="Delete SQL - Dev?"  data-confirm-verb="Delete"
  //   data-confirm-safe="Keep"  data-confirm-name="SQL - Dev" (has to be typed)

  /** Resolves to whether the person agrees. The safe button has the focus, Escape is a no. */
  function ask(options) {
    const dialog = $("#confirm");
    const verb = options.confirmVerb || "Continue";
    const name = options.confirmName || "";
    const go = $("[data-confirm-go]", dialog);
    const typed = $("#confirm-name", dialog);
    $("#confirm-title").textContent = options.confirmTitle || `${verb}?`;
    $("#confirm-text").textContent = options.confirm;
    $("[data-confirm-safe]", dialog).textContent = options.confirmSafe || "Keep";
    $("[data-confirm-expected]", dialog).textContent = name;
    $("[data-confirm-typed]", dialog).hidden = !name;
    go.textContent = verb;
    go.disabled = Boolean(name);
    typed.value = "";
    typed.oninput = () => (go.disabled = typed.value.trim() !== name);
    // Enter in the name field presses the first submit button, which is the safe one: press the other instead.
    typed.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (!go.disabled) go.click();
    };
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
    });
  }

  const agreed = new WeakSet();

  function holder(event) {
    return [event.submitter, event.target].find((element) => element?.dataset?.confirm);
  }

  // Plain forms, and forms that htmx sends: both start with submit, so the question is asked once, before either.
  document.addEventListener(
    "submit",
    async (event) => {
      const element = holder(event);
      if (!element || agreed.delete(event.target)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const { target: form, submitter } = event;
      if (!(await ask(element.dataset))) return;
      agreed.add(form);
      form.requestSubmit(submitter);
    },
    true,
  );

  // Buttons and links with hx-post and no form around them.
  document.addEventListener("htmx:confirm", async (event) => {
    const element = event.detail.elt;
    if (element instanceof HTMLFormElement || !element.dataset.confirm) return;
    event.preventDefault();
    if (await ask(element.dataset)) event.detail.issueRequest(true);
  });

  window.Octo.ask = ask;
})();
