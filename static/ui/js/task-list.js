// The list of tasks refreshes itself, but never takes away what somebody is ticking or naming.
(() => {
  "use strict";
  const { $ } = window.Octo;
  const busy = () => $("#task-rows :checked, #task-rows .save-view[open]");
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (elt.id === "task-rows" && requestConfig.verb === "get" && busy()) event.preventDefault();
  });
})();
