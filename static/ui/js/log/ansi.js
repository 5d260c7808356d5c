// Terminal text to styled pieces. Colours and links are kept, every other escape sequence is dropped.
// What comes out is only ever set as text, as class names of our own, and as parsed numbers.
window.OctoLog = window.OctoLog || {};
(() => {
  "use strict";

  // Sequences in the order of their beginnings: CSI, OSC, other strings, two-character escapes, lone controls.
  const SEQUENCE =
    // eslint-disable-next-line no-control-regex
    /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b\]([^\x07\x1b]*)(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b.?|[\x07\x08]/g;
  const ON = { 1: "b", 2: "dim", 3: "it", 4: "u", 7: "inv", 9: "strike" };
  const OFF = { 22: ["b", "dim"], 23: ["it"], 24: ["u"], 27: ["inv"], 29: ["strike"] };
  const CUBE = [0, 95, 135, 175, 215, 255];

  const blank = () => ({ marks: new Set(), fg: null, bg: null, href: "" });
  const inRange = (code, from, to) => code >= from && code <= to;
  const byte = (value) => Math.min(255, Math.max(0, value | 0));
  const rgb = (r, g, b) => ({ css: `rgb(${byte(r)} ${byte(g)} ${byte(b)})` });

  /** One of 256 colours: the sixteen named ones are classes, the cube and the greys are numbers. */
  function indexed(index, base) {
    if (index < 8) return { name: base + index };
    if (index < 16) return { name: base + 60 + index - 8 };
    if (index >= 232) return rgb(8 + (index - 232) * 10, 8 + (index - 232) * 10, 8 + (index - 232) * 10);
    const cell = byte(index) - 16;
    return rgb(CUBE[Math.floor(cell / 36)], CUBE[Math.floor(cell / 6) % 6], CUBE[cell % 6]);
  }

  /** `codes` after a 38 or 48 at `at`: the colour, and how many codes it took. */
  function extended(codes, at, base) {
    if (codes[at + 1] === 5) return [indexed(codes[at + 2] | 0, base), 2];
    if (codes[at + 1] === 2) return [rgb(codes[at + 2], codes[at + 3], codes[at + 4]), 4];
    return [null, 0];
  }

  function colour(style, codes, at) {
    const code = codes[at];
    if (inRange(code, 30, 37) || inRange(code, 90, 97)) style.fg = { name: code };
    else if (inRange(code, 40, 47) || inRange(code, 100, 107)) style.bg = { name: code };
    else if (code === 39) style.fg = null;
    else if (code === 49) style.bg = null;
    else if (code === 38 || code === 48) {
      const [found, used] = extended(codes, at, code - 8);
      style[code === 38 ? "fg" : "bg"] = found;
      return used;
    }
    return 0;
  }

  /** Behind a colon stands what belongs to one code: 4:3 is a kind of underline, 38:2::1:2:3 a colour that may name
      its colour space first. */
  function codesOf(parameter) {
    const parts = parameter.split(":").map(Number);
    const [code, kind] = parts;
    if (code === 4 && parts.length > 1) return [kind ? 4 : 24];
    return (code === 38 || code === 48) && kind === 2 ? [code, kind, ...parts.slice(2).slice(-3)] : parts;
  }

  function sgr(style, parameters) {
    const codes = (parameters || "0").split(";").flatMap(codesOf);
    for (let at = 0; at < codes.length; at += 1) {
      const code = codes[at];
      if (code === 0) Object.assign(style, blank(), { href: style.href });
      else if (ON[code]) style.marks.add(ON[code]);
      else if (OFF[code]) OFF[code].forEach((mark) => style.marks.delete(mark));
      else at += colour(style, codes, at);
    }
  }

  /** OSC 8 starts or ends a link; only addresses of web pages are followed. */
  function osc(style, body) {
    const found = /^8;[^;]*;(.*)$/.exec(body);
    if (found) style.href = /^https?:\/\//i.test(found[1]) ? found[1] : "";
  }

  function piece(text, style) {
    const classes = [...style.marks];
    if (style.fg?.name) classes.push(`f${style.fg.name}`);
    if (style.bg?.name) classes.push(`g${style.bg.name}`);
    return { text, classes: classes.join(" "), color: style.fg?.css || "", background: style.bg?.css || "", href: style.href };
  }

  /** What is left on a terminal after its carriage returns: the text behind the last one. */
  function settled(text) {
    const end = text.endsWith("\r") ? text.replace(/\r+$/, "") : text;
    return end.slice(end.lastIndexOf("\r") + 1);
  }

  /** Pieces {text, classes, color, background, href} of one line. */
  function parse(line) {
    const text = settled(line);
    if (!/[\x07\x08\x1b]/.test(text)) return text ? [piece(text, blank())] : [];
    const pieces = [];
    const style = blank();
    let at = 0;
    for (const found of text.matchAll(SEQUENCE)) {
      if (found.index > at) pieces.push(piece(text.slice(at, found.index), style));
      at = found.index + found[0].length;
      if (found[2] === "m") sgr(style, found[1]);
      else if (found[3] !== undefined) osc(style, found[3]);
    }
    if (at < text.length) pieces.push(piece(text.slice(at), style));
    return pieces;
  }

  /** The line's words alone. */
  const plain = (line) => settled(line).replace(SEQUENCE, "");

  Object.assign(window.OctoLog, { parse, plain, settled });
})();
