// Clients of Octopus Deploy print addresses such as /app#/Spaces-1/tasks/ServerTasks-7. What stands after the # never
// reaches a server, so it is handed over here.
(() => {
  "use strict";
  const target = document.querySelector("[data-app-link]");
  const wanted = location.hash.replace(/^#\/?/, "");
  location.replace(`${target.dataset.appLink}?to=${encodeURIComponent(wanted)}`);
})();
