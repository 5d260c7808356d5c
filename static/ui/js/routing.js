// The routing matrix follows what is edited in the table: it is asked for again when a pool variable changes.
(() => {
  "use strict";
  const { $, on } = window.Octo;

  const REST = 250;
  let timer = 0;

  /** After a rest. The form is looked up then: an answer to the last question may have replaced it meanwhile. */
  function ask() {
    clearTimeout(timer);
    timer = setTimeout(() => $("#routing-form")?.dispatchEvent(new CustomEvent("octo:routing")), REST);
  }

  const isGroup = (element) => Boolean(element?.matches?.("#vars tbody"));
  let had = false;

  for (const type of ["change", "octo:changed"]) on(type, "#vars tbody[data-pools]", ask);

  // A group that comes back from the server may have lost a value, or have become a pool variable.
  document.addEventListener("htmx:beforeSwap", (event) => {
    had = isGroup(event.detail.target) && event.detail.target.matches("[data-pools]");
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (had || (isGroup(event.target) && event.target.matches("[data-pools]"))) ask();
    had = false;
  });
})();
