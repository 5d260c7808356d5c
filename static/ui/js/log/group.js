// One group of the log: what one step wrote in one attempt. Knows its lines by number (from 0), which of them are
// set apart, and which row of the view each line stands in.
(() => {
  "use strict";

  const PAGE = 500;
  //: Pages kept in memory per group; those that were looked at longest ago go first.
  const KEPT = 120;
  const LONGEST = 4096;

  class Group {
    constructor(attempt) {
      this.attempt = attempt;
      this.head = { total: 0 };
      this.total = 0;
      this.open = false;
      this.pages = new Map();
      this.hidden = { c: [], v: [] };
      this.issues = [];
      this.issueLines = 0;
      this.hasError = false;
      this.highlights = [];
      this.openLine = new Map();
      this.spans = [];
      this.rows = 0;
    }

    /** Takes in a group of a frame. What is known already is passed over, so nothing ever doubles. */
    merge(news, verbose) {
      this.head = news.head;
      const before = this.total;
      this.total = Math.max(before, news.head.total);
      for (const [from, to, mark] of news.marks) if (to >= before) this.mark(Math.max(from, before), to, mark);
      news.lines.forEach((line, index) => this.arrive(news.first + index, line, before));
      this.extend(before, verbose);
    }

    mark(from, to, mark) {
      if (mark in this.hidden) this.hidden[mark].push([from, to]);
      else if (mark === "h") this.highlights.push([from, to, mark]);
      else {
        this.issues.push([from, to, mark]);
        this.issueLines += to - from + 1;
        this.hasError ||= mark === "e";
      }
    }

    // Lines.

    get(seq) {
      return this.pages.get(Math.floor(seq / PAGE))?.[seq % PAGE];
    }

    put(seq, values, through) {
      const number = Math.floor(seq / PAGE);
      let page = this.pages.get(number);
      if (!page) {
        page = new Array(PAGE);
        this.pages.set(number, page);
        if (this.pages.size > KEPT) this.pages.delete(this.pages.keys().next().value);
      }
      const [time, level, stream, text, cut = 0] = values;
      page[seq % PAGE] ||= { time, level, stream, text, cut, through };
      return page[seq % PAGE];
    }

    /** A line out of a frame, in order; a later piece goes to the line that it belongs to. */
    arrive(seq, values, before) {
      if (seq < before && this.get(seq)) return;
      this.put(seq, values, seq);
      const stream = values[2];
      if (!this.isHidden(seq, this.hidden.c)) this.openLine.set(stream, seq);
      else this.append(this.get(this.openLine.get(stream)), values[3], seq);
    }

    append(line, text, seq) {
      if (!line || line.through >= seq) return;
      line.text = window.OctoLog.settled(line.text + text).slice(0, LONGEST);
      line.through = seq;
      line.version = (line.version || 0) + 1;
    }

    /** Lines that were fetched; those in pieces have been put together by the server. */
    fetched(answer) {
      answer.lines.forEach((line, index) => this.put(answer.first + index, line, answer.total - 1));
    }

    /** The gaps [from, count] in what is loaded between two lines, by page. */
    missing(from, to) {
      const gaps = [];
      for (let number = Math.floor(from / PAGE); number <= Math.floor(to / PAGE); number += 1) {
        const start = number * PAGE;
        const end = Math.min(start + PAGE, this.total);
        let first = start;
        while (first < end && this.get(first)) first += 1;
        if (first < end) gaps.push([first, end - first]);
      }
      return gaps;
    }

    // Rows: the lines that are not hidden. `spans` are runs of them: {from, to, at}, at being the first one's row.

    extend(from, verbose) {
      if (from >= this.total) return;
      const hidden = verbose ? this.hidden.c : merged(this.hidden.c, this.hidden.v, from);
      let at = from;
      for (let index = firstFrom(hidden, from); index < hidden.length; index += 1) {
        const [low, high] = hidden[index];
        if (low > at) this.show(at, low - 1);
        at = Math.max(at, high + 1);
      }
      if (at < this.total) this.show(at, this.total - 1);
    }

    show(from, to) {
      const last = this.spans.at(-1);
      if (last && last.to === from - 1) last.to = to;
      else this.spans.push({ from, to, at: this.rows });
      this.rows += to - from + 1;
    }

    rebuild(verbose) {
      this.spans = [];
      this.rows = 0;
      this.extend(0, verbose);
    }

    lineAt(row) {
      const span = this.spans[lastFitting(this.spans, (one) => one.at <= row)];
      return span.from + row - span.at;
    }

    /** The row of a line, or of the next one that is shown. */
    rowOf(seq) {
      const index = lastFitting(this.spans, (one) => one.from <= seq);
      if (index < 0) return 0;
      const span = this.spans[index];
      return span.at + Math.min(seq, span.to + 1) - span.from;
    }

    isHidden(seq, ranges) {
      const index = lastFitting(ranges, (range) => range[0] <= seq);
      return index >= 0 && ranges[index][1] >= seq;
    }
  }

  /** Index of the last item for which `fits`, when all that fit come first; -1 where none does. */
  function lastFitting(items, fits) {
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fits(items[middle])) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  const firstFrom = (ranges, from) => {
    const index = lastFitting(ranges, (range) => range[1] < from);
    return index + 1;
  };

  /** Two sorted lists of ranges as one, from a line on. */
  function merged(one, other, from) {
    const both = [...one.slice(firstFrom(one, from)), ...other.slice(firstFrom(other, from))];
    return both.sort((a, b) => a[0] - b[0]);
  }

  window.OctoLog.Group = Group;
})();
