// The elements of the log: a line, and the head of a group. Text is only ever set as text.
(() => {
  "use strict";
  const { parse } = window.OctoLog;

  const VERBOSE = 10;
  const HIGHLIGHT = 30;
  const WARNING = 40;
  const ERROR = 50;

  function element(tag, className, text = "") {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function tone(level) {
    if (level >= ERROR) return "e";
    if (level >= WARNING) return "w";
    if (level >= HIGHLIGHT) return "h";
    return level <= VERBOSE ? "v" : "";
  }

  const two = (number) => String(number).padStart(2, "0");

  /** Time of day where the reader is. */
  function clock(time) {
    const at = new Date(time);
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }

  /** A span of milliseconds: 0.042, 12.3, 4:05, 1:02:03. */
  function span(milliseconds) {
    const seconds = Math.abs(milliseconds) / 1000;
    const sign = milliseconds < 0 ? "-" : "+";
    if (seconds < 60) return `${sign}${seconds < 10 ? seconds.toFixed(3) : seconds.toFixed(1)}`;
    const whole = Math.floor(seconds);
    const minutes = Math.floor(whole / 60);
    const rest = minutes < 60 ? `${minutes}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}`;
    return `${sign}${rest}:${two(whole % 60)}`;
  }

  //: What the time column says: the time of day, the time since the step began, that since the line before.
  const TIMES = {
    clock: (line) => clock(line.time),
    start: (line, group) => (group.head.start ? span(line.time - group.head.start) : ""),
    step: (line, group, seq) => {
      const before = group.get(seq - 1);
      return before ? span(line.time - before.time) : "";
    },
  };

  function text(line) {
    const holder = element("span", "tx");
    for (const piece of parse(line.text)) {
      if (!piece.classes && !piece.color && !piece.background && !piece.href) {
        holder.append(piece.text);
        continue;
      }
      const part = element(piece.href ? "a" : "span", piece.classes, piece.text);
      if (piece.color) part.style.color = piece.color;
      if (piece.background) part.style.backgroundColor = piece.background;
      if (piece.href) Object.assign(part, { href: piece.href, target: "_blank", rel: "noopener noreferrer" });
      holder.append(part);
    }
    if (line.cut) holder.append(element("span", "cut", ` … ${line.cut.toLocaleString()} more characters in the raw log`));
    return holder;
  }

  /** A line's row; without a `line` it is still on its way. */
  function lineRow({ group, index, seq, line, anchor, picked, hit, times }) {
    const marks = `${picked ? " sel" : ""}${hit ? " hit" : ""}`;
    const row = element("div", `lrow ${line ? tone(line.level) : "wait"}${marks}`);
    const number = element("a", "ln", String(seq + 1));
    number.href = `#${anchor}L${seq + 1}`;
    number.tabIndex = -1;
    row.dataset.seq = seq;
    row.dataset.group = index;
    const stamp = element("span", "ts", line ? TIMES[times](line, group, seq) : "");
    row.append(number, stamp);
    row.append(line ? text(line) : element("span", "tx", "…"));
    return row;
  }

  function headRow({ group, index, several }) {
    const { head } = group;
    const row = element("div", "lrow g");
    row.tabIndex = 0;
    row.setAttribute("role", "button");
    row.setAttribute("aria-expanded", String(group.open));
    row.dataset.head = index;
    const count = `${group.total.toLocaleString()} ${group.total === 1 ? "line" : "lines"}`;
    const size = group.open && !head.removed ? "" : head.removed || count;
    const details = [head.worker, head.end_words, size].filter(Boolean).join(" · ");
    row.append(element("span", "car"), element("span", `gs ${head.kind}`));
    row.append(element("b", "", `${head.label}. ${head.name}${several ? ` (attempt ${head.nth})` : ""}`));
    row.append(element("span", "sr", `, ${head.status}`), element("span", "m", details), took(head));
    return row;
  }

  /** How long it took; of a step that is still running ago.js keeps counting. */
  function took(head) {
    const holder = element("span", "d");
    if (!head.start) return holder;
    const seconds = head.end ? (head.end - head.start) / 1000 : Math.floor((Date.now() - head.start) / 1000);
    const words = element(head.end ? "span" : "time", "", window.OctoTime.durationWords(seconds));
    if (!head.end) Object.assign(words, { dateTime: new Date(head.start).toISOString() }).dataset.since = "";
    holder.append(words);
    return holder;
  }

  Object.assign(window.OctoLog, { headRow, lineRow });
})();
