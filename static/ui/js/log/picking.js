// What somebody has picked: its bar, its keys, and its lines as text, also those that are not loaded.
(() => {
  "use strict";
  const { plain } = window.OctoLog;
  const { $, on, toast } = window.Octo;

  //: Lines that are copied at once; more are better downloaded.
  const MOST = 20000;
  const SPOKEN = 300;

  class Picking {
    /** `fetch(group, from, to)` gives the texts of lines, null where they cannot be had. */
    constructor(bar, { view, links, fetch }) {
      Object.assign(this, { bar, view, links, fetch });
      this.words = $("[data-picked-words]", bar);
      this.spoken = $("[data-picked-text]", bar);
      on("click", "[data-picked]", (button) => this[button.dataset.picked]());
      view.el.addEventListener("keydown", (event) => this.pressed(event));
      document.addEventListener("copy", (event) => this.copied(event));
    }

    show() {
      const { picked } = this.view;
      this.bar.hidden = !picked;
      if (!picked) return;
      const { group, from, to } = picked;
      const lines = from === to ? `Line ${from + 1}` : `Lines ${from + 1} to ${to + 1}`;
      say(this.words, `${lines} of step ${group.head.label}`);
      say(this.spoken, from === to ? plain(group.get(from)?.text || "").slice(0, SPOKEN) : "");
    }

    // Keys.

    toggle() {
      const first = this.view.firstInSight();
      if (this.view.picked) this.release();
      else if (first) this.links.pick(first.group, first.seq, false);
      this.view.el.focus();
    }

    release() {
      this.links.release();
      this.show();
    }

    /** Arrows move what is picked, with Shift its end. */
    pressed(event) {
      const direction = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!direction || !this.view.picked || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const { group, from, to } = this.view.picked;
      const end = this.links.from?.group === group && this.links.from.seq === to ? from : to;
      const row = group.rowOf(end) + direction;
      if (row < 0 || row >= group.rows) return;
      const seq = group.lineAt(row);
      this.links.pick(group, seq, event.shiftKey);
      this.view.reveal(group, seq);
    }

    // Text.

    isShown(group, seq) {
      return !group.isHidden(seq, group.hidden.c) && (this.view.verbose || !group.isHidden(seq, group.hidden.v));
    }

    /** The numbers of the picked lines that are shown. */
    numbers() {
      const { group, from, to } = this.view.picked;
      return Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((seq) => this.isShown(group, seq));
    }

    /** With nothing else selected, Ctrl+C takes the picked lines. */
    copied(event) {
      if (!this.view.picked || !getSelection().isCollapsed || event.target.closest?.("input, textarea")) return;
      event.preventDefault();
      const { group, from, to } = this.view.picked;
      const lines = to - from < MOST ? this.numbers().map((seq) => group.get(seq)) : [undefined];
      if (lines.every(Boolean)) event.clipboardData.setData("text/plain", lines.map((line) => plain(line.text)).join("\n"));
      else this.copy();
    }

    async copy() {
      const { group, from, to } = this.view.picked;
      if (to - from >= MOST) {
        toast(`More than ${MOST.toLocaleString()} lines`, "Download the log of the step instead.", "warn");
        return;
      }
      const texts = await this.fetch(group, from, to);
      const numbers = this.numbers();
      if (!texts) toast("Not copied", "The lines cannot be had. Try again.", "bad");
      else await put(numbers.map((seq) => plain(texts[seq - from])).join("\n"), `${counted(numbers.length)} copied`);
    }

    async link() {
      const { group, from, to } = this.view.picked;
      await put(new URL(this.links.address(group, from, to), location.href).href, "Link copied");
    }
  }

  const counted = (count) => `${count.toLocaleString()} ${count === 1 ? "line" : "lines"}`;

  function say(element, words) {
    if (element.textContent !== words) element.textContent = words;
  }

  async function put(text, words) {
    const done = await written(text);
    toast(done ? words : "Not copied", done ? "" : "This browser does not allow it.", done ? "ok" : "bad");
  }

  async function written(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return writtenOfOld(text);
    }
  }

  /** Without HTTPS there is no other clipboard. */
  function writtenOfOld(text) {
    const area = document.createElement("textarea");
    area.className = "sr";
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  window.OctoLog.Picking = Picking;
})();
