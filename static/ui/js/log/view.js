// The log on the screen: groups that fold, and of their rows only those in sight. Rows have fixed heights, so that
// any of a million lines is found by arithmetic.
(() => {
  "use strict";
  const { Group, headRow, lineRow } = window.OctoLog;

  const LINE = 20;
  const HEAD = 30;
  const AROUND = 240;
  //: Browsers draw no taller element than this reliably; a longer log is scrolled at a larger scale.
  const TALLEST = 12_000_000;
  const AT_END = 24;

  class View {
    /** `fetch(group, [[first, count]])` gets what is in sight and not there. */
    constructor(element, { fetch, changed, isHit }) {
      this.el = element;
      this.space = element.firstElementChild;
      this.window = this.space.firstElementChild;
      Object.assign(this, { fetch, changed, isHit });
      this.times = "clock";
      this.wraps = false;
      this.groups = [];
      this.verbose = false;
      this.follow = false;
      this.picked = null;
      this.height = 0;
      this.lastTop = 0;
      this.drawn = new Map();
      this.listen();
    }

    listen() {
      this.el.addEventListener("scroll", () => this.scrolled(), { passive: true });
      new ResizeObserver(() => this.settle()).observe(this.el);
      this.window.addEventListener("click", (event) => {
        const head = event.target.closest("[data-head]");
        if (head) this.toggle(Number(head.dataset.head));
      });
      this.window.addEventListener("keydown", (event) => {
        const head = event.target.closest("[data-head]");
        if (!head || (event.key !== "Enter" && event.key !== " ")) return;
        event.preventDefault();
        this.toggle(Number(head.dataset.head));
      });
    }

    // What there is.

    /** Takes in a frame. New groups come open where `isOpen(news)`. */
    apply(frame, isOpen) {
      for (const news of frame.groups) {
        let group = this.groups.find((one) => one.attempt === news.attempt);
        if (!group) {
          group = new Group(news.attempt);
          group.open = isOpen(news);
          this.groups.push(group);
          const order = (one) => (one === group ? news.head : one.head);
          this.groups.sort((a, b) => order(a).number - order(b).number || order(a).nth - order(b).nth);
        }
        group.merge(news, this.verbose);
      }
      this.layOut();
    }

    layOut() {
      let top = 0;
      for (const group of this.groups) {
        group.top = top;
        top += HEAD + (group.open ? group.rows * LINE : 0);
      }
      this.height = top + 8;
      const digits = String(Math.max(0, ...this.groups.map((group) => group.total))).length;
      this.el.style.setProperty("--ln", `${Math.max(52, 22 + digits * 7)}px`);
      this.space.style.height = `${Math.min(this.height, TALLEST)}px`;
      this.settle();
    }

    settle() {
      if (this.follow) this.toEnd();
      else this.paint();
    }

    several(group) {
      return this.groups.some((one) => one !== group && one.head.number === group.head.number);
    }

    anchor(group) {
      return `S${group.head.number}${group.head.nth > 1 ? `A${group.head.nth}` : ""}`;
    }

    // Where we are. `top` is a height in the log, not in the element, which differ for very long logs.

    get top() {
      return this.el.scrollTop * this.scale();
    }

    scale() {
      const shown = Math.min(this.height, TALLEST) - this.el.clientHeight;
      return shown > 0 ? Math.max(1, (this.height - this.el.clientHeight) / shown) : 1;
    }

    scrollTo(top) {
      this.el.scrollTop = Math.max(0, top) / this.scale();
      this.lastTop = this.el.scrollTop;
      this.paint();
    }

    toEnd() {
      this.scrollTo(this.height);
    }

    scrolled() {
      const { scrollTop, scrollHeight, clientHeight } = this.el;
      const atEnd = scrollHeight - scrollTop - clientHeight < AT_END;
      if (scrollTop < this.lastTop - 2 && !atEnd) this.setFollow(false);
      else if (atEnd && scrollTop > this.lastTop) this.setFollow(true);
      this.lastTop = scrollTop;
      this.paint();
    }

    setFollow(follow) {
      if (this.follow === follow) return;
      this.follow = follow;
      if (follow) this.toEnd();
      this.changed();
    }

    setVerbose(verbose) {
      const at = this.firstInSight();
      this.verbose = verbose;
      for (const group of this.groups) group.rebuild(verbose);
      this.layOut();
      if (at && !this.follow) this.scrollTo(this.heightOf(at.group, at.seq));
    }

    toggle(index, open = !this.groups[index].open) {
      this.groups[index].open = open;
      this.layOut();
    }

    foldAll(open) {
      for (const group of this.groups) group.open = open;
      this.layOut();
    }

    heightOf(group, seq) {
      return group.top + HEAD + group.rowOf(seq) * LINE;
    }

    firstInSight() {
      const group = this.groups.findLast((one) => one.top <= this.top);
      if (!group || !group.open || !group.rows) return null;
      const row = Math.floor((this.top - group.top - HEAD) / LINE);
      return { group, seq: group.lineAt(Math.min(Math.max(row, 0), group.rows - 1)) };
    }

    isInSight(group, seq) {
      const at = this.heightOf(group, seq) - this.top;
      return group.open && at >= 0 && at < this.el.clientHeight;
    }

    /** Opens the group and brings the line to the upper third of the view. */
    goTo(group, seq) {
      if (group.isHidden(seq, group.hidden.v) && !this.verbose) this.setVerbose(true);
      if (this.follow) this.setFollow(false);
      group.open = true;
      this.layOut();
      this.scrollTo(this.heightOf(group, seq) - this.el.clientHeight / 3);
      this.changed();
    }

    goToHead(group) {
      if (this.follow) this.setFollow(false);
      group.open = true;
      this.layOut();
      this.scrollTo(group.top);
    }

    pick(group, from, to) {
      this.picked = { group, from, to };
      this.paint();
      this.changed();
    }

    release() {
      this.picked = null;
      this.paint();
    }

    /** Scrolls no further than it has to. */
    reveal(group, seq) {
      const at = this.heightOf(group, seq) - this.top;
      const below = at + LINE - this.el.clientHeight;
      if (this.follow) this.setFollow(false);
      if (at < 0) this.scrollTo(this.top + at);
      else if (below > 0) this.scrollTo(this.top + below);
    }

    isPicked(group, seq) {
      return this.picked?.group === group && seq >= this.picked.from && seq <= this.picked.to;
    }

    // Drawing.

    paint() {
      const top = this.top;
      const rows = this.inSight(top - AROUND, top + this.el.clientHeight + AROUND);
      const first = rows.length ? rows[0].y : 0;
      this.draw(rows);
      // The window stands where the element is scrolled to, shifted by what the first row is off.
      this.window.style.transform = `translateY(${this.el.scrollTop + (this.wraps ? this.shift(rows, top) : first - top)}px)`;
      this.ask(rows);
    }

    /** Wrapped rows are taller than arithmetic has them: the row that belongs at the top stands there, and at
        the end of the log the last one at the bottom. */
    shift(rows, top) {
      const { clientHeight } = this.el;
      if (top + clientHeight >= this.height - 1) return Math.min(clientHeight - this.window.offsetHeight, rows[0].y - top);
      const at = rows.findIndex((row) => row.y + LINE > top);
      const row = this.window.children[Math.max(at, 0)];
      return row ? rows[Math.max(at, 0)].y - top - row.offsetTop : 0;
    }

    setTimes(times) {
      this.times = times;
      this.paint();
    }

    setWraps(wraps) {
      this.wraps = wraps;
      this.el.classList.toggle("wraps", wraps);
      this.settle();
    }

    inSight(from, to) {
      const rows = [];
      this.groups.forEach((group, index) => {
        const height = HEAD + (group.open ? group.rows * LINE : 0);
        if (group.top + height < from || group.top > to) return;
        if (group.top + HEAD >= from) rows.push({ y: group.top, group, index });
        if (group.open) this.linesInSight(rows, group, index, from, to);
      });
      return rows;
    }

    linesInSight(rows, group, index, from, to) {
      const begin = group.top + HEAD;
      const first = Math.max(0, Math.floor((from - begin) / LINE));
      const last = Math.min(group.rows - 1, Math.floor((to - begin) / LINE));
      for (let row = first; row <= last; row += 1) {
        rows.push({ y: begin + row * LINE, group, index, seq: group.lineAt(row) });
      }
    }

    // Rows that stay in sight keep their elements, so that a selection and the focus outlive new lines.
    draw(rows) {
      const drawn = new Map();
      let cursor = this.window.firstChild;
      for (const row of rows) {
        const key = this.key(row);
        const known = this.drawn.get(key);
        const element = known || this.element(row);
        drawn.set(key, element);
        if (element === cursor) cursor = cursor.nextSibling;
        else this.window.insertBefore(element, cursor);
      }
      const kept = new Set(drawn.values());
      for (const element of [...this.window.children]) if (!kept.has(element)) element.remove();
      this.drawn = drawn;
    }

    key({ group, index, seq }) {
      if (seq === undefined) {
        const { head, open, total } = group;
        return `${index} ${open} ${open || total} ${head.kind} ${head.end} ${head.worker} ${this.several(group)}`;
      }
      const line = group.get(seq);
      const marks = `${this.isPicked(group, seq)} ${this.isHit(group, seq)}`;
      return `${index}-${seq} ${line ? line.version || 0 : "?"} ${marks} ${this.times}`;
    }

    element({ group, index, seq }) {
      if (seq === undefined) return headRow({ group, index, several: this.several(group) });
      const anchor = this.anchor(group);
      const picked = this.isPicked(group, seq);
      const hit = this.isHit(group, seq);
      return lineRow({ group, index, seq, line: group.get(seq), anchor, picked, hit, times: this.times });
    }

    ask(rows) {
      for (const group of new Set(rows.map((row) => row.group))) {
        const own = rows.filter((row) => row.group === group && row.seq !== undefined && !group.get(row.seq));
        if (own.length) this.fetch(group, group.missing(own[0].seq, own.at(-1).seq));
      }
    }
  }

  window.OctoLog.View = View;
})();
