// A new trigger begins in the time zone of the browser, where the server knows that zone.
(() => {
  "use strict";
  const { $, settle } = window.Octo;

  function adopt() {
    const field = $("[data-browser-timezone]");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!field || !zone || field.value === zone) return;
    if (!$(`#timezones option[value="${CSS.escape(zone)}"]`)) return;
    field.value = zone;
    settle(field.form);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // After htmx, so that the next times hear of the change.
  document.addEventListener("DOMContentLoaded", adopt);
})();
