// Forms: the guard against losing changes, saving by keyboard, and the way to the first error.
(() => {
  "use strict";
  const { $, $$, each, on } = window.Octo;

  // Guard: <form data-guard> gets data-dirty while it differs from what was loaded. The save bar shows by CSS,
  // and leaving asks first. data-guard-ignore="name other" leaves out what is not saved with it.

  const loaded = new WeakMap();

  function valueOf(form) {
    const ignored = new Set(["csrfmiddlewaretoken", ...(form.dataset.guardIgnore || "").split(" ")]);
    const pairs = [...new FormData(form)].filter(([name]) => !ignored.has(name));
    return JSON.stringify(pairs.map(([name, value]) => [name, value instanceof File ? value.name : value]));
  }

  function setDirty(form, dirty) {
    if (form.hasAttribute("data-dirty") === dirty) return;
    form.toggleAttribute("data-dirty", dirty);
    form.dispatchEvent(new CustomEvent("octo:dirty", { bubbles: true, detail: { dirty } }));
  }

  /** A form that came back with errors, or that says so itself, holds what is not saved. */
  const unsaved = (form) => form.dataset.guard === "changed" || Boolean($('[aria-invalid="true"], [role="alert"]', form));
  const check = (form) => setDirty(form, unsaved(form) || valueOf(form) !== loaded.get(form));

  /** Takes what the form holds now as saved. */
  function settle(form) {
    loaded.set(form, valueOf(form));
    setDirty(form, unsaved(form));
  }

  each(() => {
    for (const form of $$("form[data-guard]")) loaded.has(form) ? check(form) : settle(form);
  });
  for (const type of ["input", "change", "octo:changed"]) on(type, "form[data-guard]", check);

  let leaving = false;
  document.addEventListener("reset", (event) => {
    const form = event.target;
    if (!form.matches("form[data-guard]")) return;
    // Resetting a form that came back with errors would only bring those values back: fetch the saved ones.
    leaving = unsaved(form);
    if (leaving) location.replace(location.pathname + location.search);
    else setTimeout(() => check(form));
  });
  document.addEventListener("submit", (event) => {
    // An htmx form stays on the page: it is settled by its answer, not by being sent.
    if (!event.defaultPrevented && event.target.matches("form[data-guard]")) leaving = true;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt;
    if (!event.detail.successful || !form.matches?.("form[data-guard]")) return;
    settle(form);
    leaving = Boolean(event.detail.xhr.getResponseHeader("HX-Redirect"));
  });
  addEventListener("beforeunload", (event) => {
    if (!leaving && $("form[data-guard][data-dirty]")) event.preventDefault();
  });

  // Errors: take the person to the first one, also after htmx swapped the form.

  function focusFirstInvalid(root) {
    const first = $('[aria-invalid="true"]:not([type="hidden"])', root) || $(".conflict, .errs, .call.bad[role=alert]", root);
    if (!first) return;
    if (!first.matches("input, select, textarea, button")) first.tabIndex = -1;
    first.focus();
    first.scrollIntoView({ block: "center" });
  }

  focusFirstInvalid($("#main form") || document.body);
  document.addEventListener("htmx:afterSettle", (event) => {
    const status = event.detail.xhr?.status;
    if (status === 422 || status === 409) focusFirstInvalid(event.target);
  });

  // Ctrl+S saves the guarded form, Ctrl+Enter submits the form being worked in, or the open dialog's.

  function press(form) {
    if (!form) return false;
    const button = [...form.elements].find((one) => one.type === "submit" && one.classList.contains("primary"));
    if (button?.disabled) return true;
    form.requestSubmit(button || undefined);
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const inside = event.target.closest?.("form");
    const top = $$("dialog[open] form").at(-1);
    if (event.key.toLowerCase() === "s") {
      const form = inside?.matches("[data-guard]") ? inside : $("form[data-guard]");
      if (form) {
        event.preventDefault();
        press(form);
      }
    } else if (event.key === "Enter" && (top || inside || $("form[data-run]"))) {
      event.preventDefault();
      press(top || inside || $("form[data-run]"));
    }
  });

  Object.assign(window.Octo, { settle });

  // A plan that was asked for before something was chosen does not know of it, and must not take it back. The
  // choice asks for the next one.
  const planned = (event) => event.target.closest?.("[data-run] .run-f");
  document.addEventListener("htmx:beforeRequest", (event) => {
    const waiting = event.target.matches("form[data-run]") && $(".run-f", event.target);
    if (waiting) htmx.trigger(waiting, "htmx:abort");
    if (planned(event) !== event.target) return;
    // Two answers into one dialog would get into each other's way, and the run's own says more.
    if (event.target.closest("form").classList.contains("htmx-request")) event.preventDefault();
    event.target.dataset.asked = "fresh";
  });
  document.addEventListener("input", (event) => {
    const fields = planned(event);
    if (fields) fields.dataset.asked = "stale";
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const fields = event.detail.requestConfig?.elt;
    // Idiomorph leaves what a focused button says alone; the answer says it anew, and takes the focus itself.
    if (fields?.matches?.("form[data-run]") && document.activeElement?.matches("button")) document.activeElement.blur();
    if (fields?.matches?.("[data-run] .run-f") && fields.dataset.asked === "stale") event.detail.shouldSwap = false;
  });
})();
