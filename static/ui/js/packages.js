// A file that is dropped on the form counts as chosen; without script the file field does the same.
(() => {
  "use strict";
  const { $, $$, each } = window.Octo;

  function setUp(zone) {
    const field = $("input[type=file]", zone);
    if (!field || zone.hasAttribute("data-ready")) return;
    zone.setAttribute("data-ready", "");
    $(".drop-hint", zone)?.removeAttribute("hidden");
    let inside = 0;
    const over = (change) => {
      inside = change === 0 ? 0 : Math.max(0, inside + change);
      zone.toggleAttribute("data-over", inside > 0);
    };
    zone.addEventListener("dragenter", () => over(1));
    zone.addEventListener("dragleave", () => over(-1));
    zone.addEventListener("dragover", (event) => event.preventDefault());
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      over(0);
      if (!event.dataTransfer?.files.length) return;
      const chosen = new DataTransfer();
      chosen.items.add(event.dataTransfer.files[0]);
      field.files = chosen.files;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  each(() => {
    for (const zone of $$("[data-drop]")) setUp(zone);
  });
})();
