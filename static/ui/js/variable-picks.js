// Picking values of the table for one change of scope (templates/variables/_bulk.html): all that are shown, a range
// with Shift, and how many there are. The change itself is the server's.
(() => {
  "use strict";
  const { $, $$, each, on } = window.Octo;

  let last = null;

  const shown = () => $$("#vars [data-pick]").filter((box) => !box.closest("tbody").hidden);

  function count() {
    const label = $("[data-pick-count]");
    if (!label) return;
    const total = $$("#vars [data-pick]:checked").length;
    label.textContent = `${total} value${total === 1 ? "" : "s"} selected`;
    const all = $("[data-pick-all]");
    const boxes = shown();
    all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
    all.indeterminate = !all.checked && total > 0;
  }

  // A key that presses a box says whether Shift is held, as a click does.
  on("click", "#vars [data-pick]", (box, event) => {
    const boxes = shown();
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
    if (event.shiftKey && last?.isConnected && from >= 0) {
      for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
    }
    last = box;
    count();
  });
  on("change", "[data-pick-all]", (all) => {
    for (const box of shown()) box.checked = all.checked;
    count();
  });
  on("click", "[data-pick-none]", () => {
    for (const box of $$("#vars [data-pick]:checked")) box.checked = false;
    count();
    $("[data-pick-all]")?.focus();
  });
  each(count);
})();
