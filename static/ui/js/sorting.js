/* Lists that are sorted by dragging: form[data-sorting] holds an ordered list whose rows carry hidden
   ids. Dropping a row sends the same form that the up and down buttons send without script. */
(() => {
  "use strict";

  const start = (form) => {
    if (form.dataset.sortingReady) return;
    form.dataset.sortingReady = "yes";
    Sortable.create(form.querySelector("ol"), {
      handle: ".grip",
      animation: 120,
      ghostClass: "dragged",
      onEnd: (move) => {
        if (move.oldIndex !== move.newIndex) form.requestSubmit();
      },
    });
  };

  Octo.each((root) => Octo.$$("form[data-sorting]", root).forEach(start));
})();
