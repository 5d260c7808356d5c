// Addresses of lines: #S2L14 is line 14 of step 2, #S2L14-L20 a range, #S2 the step, #S2A2L14 its second attempt.
(() => {
  "use strict";
  const ADDRESS = /^#S(\d+)(?:A(\d+))?(?:L(\d+)(?:-L(\d+))?)?$/;

  class Links {
    constructor(view) {
      this.view = view;
      this.from = null;
      view.window.addEventListener("click", (event) => this.clicked(event));
      addEventListener("hashchange", () => this.follow());
    }

    /** Goes where the address points; says whether it points anywhere. */
    follow() {
      const found = ADDRESS.exec(location.hash);
      if (!found) return false;
      const [step, nth, first, last] = found.slice(1).map(Number);
      const group = this.group(step, nth || 1);
      if (!group) return false;
      if (found[3]) this.show(group, first - 1, (found[4] ? last : first) - 1);
      else this.step(group);
      return true;
    }

    group(step, nth) {
      return this.view.groups.find((group) => group.head.number === step && group.head.nth === nth);
    }

    show(group, one, other) {
      const limit = Math.max(group.total - 1, 0);
      const [from, to] = [one, other].map((seq) => Math.min(Math.max(seq, 0), limit)).sort((a, b) => a - b);
      this.from = { group, seq: from };
      this.view.pick(group, from, to);
      this.view.goTo(group, from);
    }

    /** A step: at its last error if it failed, else at its head. */
    step(group) {
      const error = group.issues.findLast((issue) => issue[2] === "e");
      if (group.head.kind === "bad" && error) this.view.goTo(group, error[1]);
      else if (group.head.kind === "bad" && group.total) this.view.goTo(group, group.total - 1);
      else this.view.goToHead(group);
    }

    clicked(event) {
      const number = event.target.closest(".ln");
      if (!number || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const { group: index, seq } = number.parentElement.dataset;
      this.pick(this.view.groups[index], Number(seq), event.shiftKey);
    }

    pick(group, seq, range) {
      if (!range || this.from?.group !== group) this.from = { group, seq };
      const [from, to] = [this.from.seq, seq].sort((a, b) => a - b);
      history.replaceState(history.state, "", this.address(group, from, to));
      this.view.pick(group, from, to);
    }

    address(group, from, to) {
      const lines = from === to ? `L${from + 1}` : `L${from + 1}-L${to + 1}`;
      return `#${this.view.anchor(group)}${lines}`;
    }

    release() {
      this.from = null;
      history.replaceState(history.state, "", location.pathname + location.search);
      this.view.release();
    }
  }

  window.OctoLog.Links = Links;
})();
