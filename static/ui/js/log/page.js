// The task page: puts the log, its buttons, its keys and its status line together.
(() => {
  "use strict";
  const { Links, Picking, Search, Source, View } = window.OctoLog;
  const { $, $$, on } = window.Octo;

  const box = $("#logbox");
  if (!box) return;
  const first = JSON.parse($("#log-frame").textContent);
  //: Steps that are over come open where those that there are have together so few lines.
  const SMALL = 300;

  let frame = first;
  let connection = "connecting";
  let started = false;

  const view = new View($("#log"), {
    fetch: (gaps) => source.want(gaps),
    changed: showButtons,
    isHit: (group, seq) => search.isHit(group, seq),
  });
  const search = new Search($("#log-search"), { view, live: () => !frame.done });
  const source = new Source({
    task: first.task,
    url: box.dataset.logUrl,
    groups: () => view.groups,
    apply,
    loaded: () => view.paint(),
    state: (state) => ((connection = state), showStatus()),
  });
  const links = new Links(view);
  const picking = new Picking($("#log-picked"), {
    view,
    links,
    fetch: (group, from, to) => source.texts(group, from, to),
  });

  const button = (name) => $(`[data-log="${name}"]`, box);

  function apply(news) {
    frame = news;
    view.apply(news, (group) => started || isOpenAtFirst(group));
    showButtons();
    showStatus();
    search.grown();
  }

  function isOpenAtFirst({ head }) {
    if (head.live || head.kind === "bad" || head.kind === "warn" || first.groups.length === 1) return true;
    return first.groups.reduce((sum, group) => sum + group.head.total, 0) <= SMALL;
  }

  // The status line.

  const total = () => view.groups.reduce((sum, group) => sum + group.total, 0);

  function status() {
    if (!frame.done && connection === "closed") return ["warn", "Reconnecting"];
    if (frame.state === "Queued") return ["", "Waiting"];
    if (!frame.done) return ["run live", "Live"];
    if (view.groups.some((group) => group.head.removed)) return ["", "Removed"];
    const open = view.groups.filter((group) => !group.head.sha256);
    return open.length ? ["warn", "Ended"] : ["ok", "Complete"];
  }

  function say(element, words) {
    if (element.textContent !== words) element.textContent = words;
  }

  function showStatus() {
    const [dot, words] = status();
    $("[data-log-dot]", box).className = `dot ${dot}`;
    say($("[data-log-words]", box), words);
    say($("[data-log-count]", box), `${total().toLocaleString()} ${total() === 1 ? "line" : "lines"}`);
    say($("[data-log-sha]", box), digest());
  }

  const steps = (groups) => groups.map((group) => group.head.label).join(", ");

  function digest() {
    const missing = frame.done && view.groups.filter((group) => !group.head.sha256);
    const differing = missing ? missing.filter((group) => group.head.differs) : [];
    if (differing.length) return `not what the worker wrote: step ${steps(differing)}`;
    if (missing?.length) return `not checked to the end: step ${steps(missing)}`;
    if (!frame.done || !view.groups.length) return "";
    const gaps = view.groups.filter((group) => group.head.gaps?.length);
    if (gaps.length) return gaps.map(gapWords).join("; ");
    return view.groups.length === 1 ? `sha256 ${view.groups[0].head.sha256}` : "sha256 of each step checked";
  }

  const gapWords = (group) =>
    `missing of step ${group.head.label}: ` +
    group.head.gaps.map(([from, to]) => (from === to ? `line ${from + 1}` : `lines ${from + 1} to ${to + 1}`)).join(", ");

  // Buttons and keys.

  const marked = (which) =>
    view.groups.flatMap((group) => group[which].map(([from, to, mark]) => ({ group, from, to, mark })));
  const issues = () => marked("issues");

  function showButtons() {
    const count = view.groups.reduce((sum, group) => sum + group.issueLines, 0);
    picking.show();
    button("issue").hidden = button("issue-before").hidden = !count;
    say($("[data-log-issues]", box), count.toLocaleString());
    button("issue").classList.toggle("bad", view.groups.some((group) => group.hasError));
    button("follow").setAttribute("aria-pressed", String(view.follow));
    button("verbose").setAttribute("aria-pressed", String(view.verbose));
    button("wrap").setAttribute("aria-pressed", String(view.wraps));
    button("fold").setAttribute("aria-pressed", String(!view.groups.some((group) => group.open)));
  }

  /** The next (1) or previous (-1) of these places, from the picked line or what is in sight on, round and round. */
  function goToNext(places, direction) {
    if (!places.length) return;
    const from = here();
    const order = (place) => view.groups.indexOf(place.group) * 2 ** 40 + place.from;
    const sorted = direction > 0 ? places : [...places].reverse();
    const next = sorted.find((place) => (order(place) - from) * direction > 0) || sorted[0];
    view.pick(next.group, next.from, next.to);
    view.goTo(next.group, next.from);
  }

  /** Where the reader is: the picked line while it is in sight, else just before the first line that is. */
  function here() {
    const place = (group, seq) => view.groups.indexOf(group) * 2 ** 40 + seq;
    const { picked } = view;
    if (picked && view.isInSight(picked.group, picked.from)) return place(picked.group, picked.from);
    const first = view.firstInSight();
    return first ? place(first.group, first.seq) - 1 : -1;
  }

  /** The head of the next or previous step. */
  function goToStep(direction) {
    const { top } = view;
    const heads = direction > 0 ? view.groups : [...view.groups].reverse();
    const next = heads.find((group) => (group.top - top) * direction > 1);
    if (next) view.goToHead(next);
  }

  const TIMES = ["clock", "start", "step", "none"];
  const TIME_WORDS = { clock: "Time", start: "Since start", step: "Since last", none: "Time" };
  function setTimes(times) {
    view.el.classList.toggle("no-ts", times === "none");
    view.setTimes(times === "none" ? "clock" : times);
    button("time").dataset.times = times;
    button("time").setAttribute("aria-pressed", String(times !== "none"));
    say($("[data-log-times]", box), TIME_WORDS[times]);
    remember("times", times);
  }

  // What somebody prefers is kept on this device; without storage it is simply forgotten.
  function remember(name, value) {
    try {
      localStorage.setItem(`octo.log.${name}`, value);
    } catch {
      return;
    }
  }

  function remembered(name) {
    try {
      return localStorage.getItem(`octo.log.${name}`) || "";
    } catch {
      return "";
    }
  }

  const isFull = () => box.classList.contains("full");
  function setFull(full) {
    box.classList.toggle("full", full);
    button("full").setAttribute("aria-pressed", String(full));
    view.settle();
  }

  /** All of the screen, where the browser lets it be had. */
  async function setWholeScreen(whole) {
    setFull(whole);
    try {
      await (whole ? document.documentElement.requestFullscreen() : document.exitFullscreen());
    } catch {
      return;
    }
  }

  const acts = {
    issue: () => goToNext(issues(), 1),
    "issue-before": () => goToNext(issues(), -1),
    verbose: () => (view.setVerbose(!view.verbose), showButtons()),
    follow: () => view.setFollow(!view.follow),
    fold: () => (view.foldAll(!view.groups.some((group) => group.open)), showButtons()),
    time: (pressed) => setTimes(TIMES[(TIMES.indexOf(pressed.dataset.times) + 1) % TIMES.length]),
    wrap: () => (view.setWraps(!view.wraps), remember("wrap", view.wraps ? "1" : ""), showButtons()),
    full: () => setFull(!isFull()),
  };
  on("click", "#logbox [data-log]", (pressed) => acts[pressed.dataset.log](pressed));

  const keys = {
    n: () => goToNext(issues(), 1),
    p: () => goToNext(issues(), -1),
    e: () => goToNext(issues().filter((issue) => issue.mark === "e"), 1),
    E: () => goToNext(issues().filter((issue) => issue.mark === "e"), -1),
    h: () => goToNext(marked("highlights"), 1),
    H: () => goToNext(marked("highlights"), -1),
    j: () => goToStep(1),
    k: () => goToStep(-1),
    a: acts.fold,
    f: acts.follow,
    v: acts.verbose,
    w: acts.wrap,
    m: () => acts.time(button("time")),
    z: acts.full,
    Z: () => setWholeScreen(!document.fullscreenElement),
    x: () => picking.toggle(),
    c: () => view.picked && picking.copy(),
    l: () => view.picked && picking.link(),
  };
  let goes = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || $("dialog[open]")) return;
    if (event.target.closest("input, textarea, select") || localStorage.getItem("octo.keys.off") === "1") return;
    if (event.key === "Escape" && isFull()) setFull(false);
    else if (event.key === "Escape" && view.picked) picking.release();
    else if (goes) goes = false; // the second key of a jump to another page, as g t
    else if (event.key === "g") goes = true;
    else keys[event.key]?.();
  });

  // A step of the tree, also one that is the address already.
  on("click", "[data-log-step]", (link, event) => {
    const step = Number(link.dataset.logStep);
    const group = view.groups.findLast((one) => one.head.number === step);
    if (!group) return;
    event.preventDefault();
    history.replaceState(history.state, "", link.hash);
    links.step(group);
  });

  setTimes(TIMES.includes(remembered("times")) ? remembered("times") : "clock");
  view.setWraps(remembered("wrap") === "1");
  apply(first);
  started = true;
  for (const plain of $$(".lplain", box)) plain.remove();
  const failed = view.groups.find((group) => group.head.kind === "bad" && !group.head.live);
  if (!links.follow()) {
    if (failed) links.step(failed);
    else if (!first.done) view.setFollow(true);
  }
  source.start();
  showStatus();
})();
