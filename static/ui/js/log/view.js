// The log on the screen: groups that fold, and of their rows only those in sight. Rows have fixed heights, so that
// any of a million lines is found by arithmetic. The page is drawn at most once a frame, and not at all while what is
// drawn reaches beyond what is seen: then the browser scrolls by itself.
(() => {
  "use strict";
  const { Group, headRow, lineRow } = window.OctoLog;

  const LINE = 20;
  const HEAD = 30;
  //: What is drawn above and below what is in sight, and what has to be left of it.
  const AROUND = 480;
  const SPARE = 120;
  //: Browsers draw no taller element than this reliably. In a longer log a long way is a share of the log; a step of
  //: less than so many screens goes as far as in any other.
  const TALLEST = 12_000_000;
  const STEP = 2;
  //: Milliseconds without a step after which the bar of a longer log is put where it belongs.
  const REST = 250;
  const AT_END = 24;
  //: Lines that are fetched before somebody scrolls to them.
  const AHEAD = 300;

  class View {
    /** `fetch(gaps)`, a Map of groups to [[first, count]], gets what is in sight and not there. */
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
      this.tall = element.clientHeight;
      //: Where the element is scrolled to, and how far the log is from that.
      this.at = this.offset = 0;
      this.direction = 0;
      this.drawn = new Map();
      this.drawnFrom = this.drawnTo = 0;
      this.listen();
    }

    listen() {
      this.el.addEventListener("scroll", () => this.scrolled(), { passive: true });
      new ResizeObserver(() => this.resized()).observe(this.el);
      this.window.addEventListener("mouseover", (event) => this.pointed(event.target));
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

    resized() {
      this.tall = this.el.clientHeight;
      this.settle();
    }

    settle() {
      if (this.follow) this.toEnd();
      else if (this.offset && (this.longest <= this.reach || this.top > this.longest)) this.scrollTo(this.top);
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
      return this.at + this.offset;
    }

    /** How far the log can be scrolled, and how far the element. */
    get longest() {
      return Math.max(this.height - this.tall, 0);
    }

    get reach() {
      return Math.max(Math.min(this.height, TALLEST) - this.tall, 0);
    }

    scrollTo(top) {
      const { longest, reach } = this;
      const to = Math.round(Math.min(Math.max(top, 0), longest));
      this.el.scrollTop = longest > reach ? (to * reach) / longest : to;
      this.at = this.el.scrollTop;
      this.offset = longest > reach ? to - this.at : 0;
      this.paint();
    }

    toEnd() {
      this.scrollTo(this.height);
    }

    scrolled() {
      const moved = this.el.scrollTop - this.at;
      if (!moved) return;
      this.at += moved;
      this.direction = Math.sign(moved);
      if (this.longest > this.reach) this.stepped(moved);
      const atEnd = this.longest - this.top < AT_END;
      if (moved < -2 && !atEnd) this.setFollow(false);
      else if (atEnd && moved > 0) this.setFollow(true);
      this.drawSoon();
    }

    /** In a log that is longer than its element. */
    stepped(moved) {
      const { longest, reach, tall } = this;
      const isLong = Math.abs(moved) > STEP * tall;
      let top = Math.round(isLong ? (this.at * longest) / reach : Math.min(Math.max(this.top, 0), longest));
      if (this.at <= 0 && top < AT_END) top = 0;
      if (this.at >= reach - 1 && longest - top < AT_END) top = longest;
      this.offset = top - this.at;
      clearTimeout(this.resting);
      // The element may be at its end where the log is not.
      if ((this.at <= 0 && top > 0) || (this.at >= reach - 1 && top < longest)) this.scrollTo(top);
      else this.resting = setTimeout(() => this.scrollTo(this.top), REST);
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
      return group.open && at >= 0 && at < this.tall;
    }

    /** Opens the group and brings the line to the upper third of the view. */
    goTo(group, seq) {
      if (group.isHidden(seq, group.hidden.v) && !this.verbose) this.setVerbose(true);
      if (this.follow) this.setFollow(false);
      group.open = true;
      this.layOut();
      this.scrollTo(this.heightOf(group, seq) - this.tall / 3);
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
      const below = at + LINE - this.tall;
      if (this.follow) this.setFollow(false);
      if (at < 0) this.scrollTo(this.top + at);
      else if (below > 0) this.scrollTo(this.top + below);
    }

    isPicked(group, seq) {
      return this.picked?.group === group && seq >= this.picked.from && seq <= this.picked.to;
    }

    // Drawing.

    /** Something that is drawn has changed. */
    paint() {
      this.isStale = true;
      this.drawSoon();
    }

    drawSoon() {
      this.frame ||= requestAnimationFrame(() => {
        this.frame = 0;
        this.render();
      });
    }

    render() {
      const { top, tall } = this;
      const isDrawn = top - SPARE >= this.drawnFrom && top + tall + SPARE <= this.drawnTo;
      if (isDrawn && !this.isStale && !this.wraps) return;
      const [from, to] = [top - AROUND, top + tall + AROUND];
      const rows = this.inSight(from, to);
      this.draw(rows);
      this.drawnFrom = from > 0 ? from : -Infinity;
      this.drawnTo = to < this.height ? to : Infinity;
      this.isStale = false;
      // Nothing that stays in sight moves within the element, so that only what is new has to be painted.
      const first = rows.length ? rows[0].y : 0;
      this.window.style.top = `${this.wraps ? this.at + this.shift(rows, top) : first - this.offset}px`;
      this.ask(rows);
    }

    /** Wrapped rows are taller than arithmetic has them: the row that belongs at the top stands there, and at
        the end of the log the last one at the bottom. */
    shift(rows, top) {
      if (!rows.length) return 0;
      if (top + this.tall >= this.height - 1) return Math.min(this.tall - this.window.offsetHeight, rows[0].y - top);
      const at = rows.findIndex((row) => row.y + LINE > top);
      const row = this.window.children[Math.max(at, 0)];
      return row ? rows[Math.max(at, 0)].y - top - row.offsetTop : 0;
    }

    /** The whole date of a time is made where somebody asks for it. */
    pointed(stamp) {
      const { group, seq } = stamp.parentElement?.dataset || {};
      const line = stamp.classList.contains("ts") && this.groups[group]?.get(Number(seq));
      if (line && !stamp.title) stamp.title = new Date(line.time).toLocaleString();
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

    /** Gets what is missing in sight, or else beside it, or else where the reader is going. */
    ask(rows) {
      const { top, tall } = this;
      const lines = rows.filter((row) => row.seq !== undefined);
      let wanted = this.missing(lines.filter((row) => row.y + LINE > top && row.y < top + tall));
      if (!wanted.size) wanted = this.missing(lines);
      if (!wanted.size && lines.length && this.direction) this.askAhead(lines, wanted);
      this.fetch(wanted);
    }

    missing(lines) {
      const wanted = new Map();
      for (const group of new Set(lines.map((row) => row.group))) {
        const own = lines.filter((row) => row.group === group);
        if (own.some((row) => !group.get(row.seq))) wanted.set(group, group.missing(own[0].seq, own.at(-1).seq));
      }
      return wanted;
    }

    askAhead(lines, wanted) {
      const { group, seq } = this.direction > 0 ? lines.at(-1) : lines[0];
      const other = Math.min(Math.max(seq + this.direction * AHEAD, 0), group.total - 1);
      const gaps = group.missing(Math.min(seq, other), Math.max(seq, other));
      if (gaps.length) wanted.set(group, gaps);
    }
  }

  window.OctoLog.View = View;
})();
