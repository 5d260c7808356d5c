// Single-key shortcuts. They never fire while typing, and can be turned off on this device.
(() => {
  "use strict";
  const { $, each, on, prefix } = window.Octo;

  const OFF = "octo.keys.off";
  const GO = { d: "", p: "projects/", r: "runbooks/", t: "tasks/", w: "worker-pools/" };
  const GO_WITHIN = 1200;
  let wentAt = 0;

  const isOff = () => localStorage.getItem(OFF) === "1";

  function isTyping(target) {
    return target instanceof Element && Boolean(target.closest("input, textarea, select, [contenteditable]"));
  }

  function help() {
    const dialog = $("#shortcuts");
    if (dialog && !dialog.open) dialog.showModal();
  }

  function filter(event) {
    const field = $("[data-filter]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isOff()) return;
    if ($("dialog[open]")) return;
    const wentNow = Date.now() - wentAt < GO_WITHIN;
    wentAt = 0;
    if (wentNow && event.key in GO) location.assign(prefix() + GO[event.key]);
    else if (event.key === "g") wentAt = Date.now();
    else if (event.key === "/") filter(event);
    else if (event.key === "?") help();
  });

  on("change", "[data-keys-toggle]", (box) => {
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  each(() => {
    const box = $("[data-keys-toggle]");
    if (box) box.checked = !isOff();
  });
})();
