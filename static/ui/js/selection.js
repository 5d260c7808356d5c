/* Lists whose rows can be ticked ([data-selection]): a box for all of them, a count, and no live
   refresh while something is ticked, so that nothing moves under the pointer. */
(() => {
  "use strict";

  const boxes = (list) => Octo.$$("tbody input[type=checkbox]", list);
  const ticked = (list) => boxes(list).filter((box) => box.checked).length;

  const show = (list) => {
    const words = list.querySelector("[data-selected]");
    const all = list.querySelector("[data-select-all]");
    if (!words || !all) return;
    const count = ticked(list);
    words.textContent = count ? `${count} ticked` : "Tick workers to act on several at once.";
    all.checked = count > 0 && count === boxes(list).length;
    all.indeterminate = count > 0 && !all.checked;
    for (const button of Octo.$$("button[name=action]", list)) button.disabled = count === 0;
  };

  document.addEventListener("change", (event) => {
    const list = event.target.closest("[data-selection]");
    if (!list) return;
    if (event.target.matches("[data-select-all]")) {
      for (const box of boxes(list)) box.checked = event.target.checked;
    }
    show(list);
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches("[data-selection]") && ticked(event.target)) event.preventDefault();
  });

  Octo.each((root) => {
    const found = Octo.$$("[data-selection]", root);
    if (root instanceof Element && root.matches("[data-selection]")) found.push(root);
    found.forEach(show);
  });
})();
