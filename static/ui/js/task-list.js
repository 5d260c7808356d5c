// The list of tasks refreshes itself, but never takes away what somebody is ticking.
(() => {
  "use strict";
  const { $ } = window.Octo;
  const ticked = () => $("#task-rows :checked");
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (elt.id === "task-rows" && requestConfig.verb === "get" && ticked()) event.preventDefault();
  });
})();
