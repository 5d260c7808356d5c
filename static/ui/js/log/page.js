// The task page: puts the log, its buttons, its keys and its status line together.
(() => {
  "use strict";
  const { Links, Source, View } = window.OctoLog;
  const { $, $$, on } = window.Octo;

  const box = $("#logbox");
  if (!box) return;
  const first = JSON.parse($("#log-frame").textContent);
  //: The steps of a run that is over come open where they have together so few lines.
  const SMALL = 300;

  let frame = first;
  let connection = "connecting";
  let started = false;

  const view = new View($("#log"), {
    offset: Number(box.dataset.utcOffset),
    fetch: (group, gaps) => source.want(group, gaps),
    changed: showButtons,
  });
  const source = new Source({
    task: first.task,
    url: box.dataset.logUrl,
    groups: () => view.groups,
    apply,
    loaded: () => view.paint(),
    state: (state) => ((connection = state), showStatus()),
  });
  const links = new Links(view);

  const button = (name) => $(`[data-log="${name}"]`, box);

  function apply(news) {
    frame = news;
    view.apply(news, (group) => started || isOpenAtFirst(group));
    showButtons();
    showStatus();
  }

  function isOpenAtFirst({ head }) {
    if (head.live || head.kind === "bad" || head.kind === "warn" || first.groups.length === 1) return true;
    return first.done && first.groups.reduce((sum, group) => sum + group.head.total, 0) <= SMALL;
  }

  // The status line.

  const total = () => view.groups.reduce((sum, group) => sum + group.total, 0);

  function status() {
    if (!frame.done && connection === "closed") return ["warn", "Reconnecting"];
    if (frame.state === "Queued") return ["", "Waiting"];
    if (!frame.done) return ["run live", "Live"];
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

  function digest() {
    const missing = frame.done && view.groups.filter((group) => !group.head.sha256);
    if (missing?.length) return `not checked to the end: step ${missing.map((group) => group.head.number).join(", ")}`;
    if (!frame.done || !view.groups.length) return "";
    return view.groups.length === 1 ? `sha256 ${view.groups[0].head.sha256}` : "sha256 of each step checked";
  }

  // Buttons and keys.

  const issues = () =>
    view.groups.flatMap((group) => group.issues.map(([from, to, mark]) => ({ group, from, to, mark })));

  function showButtons() {
    const found = issues();
    const count = found.reduce((sum, issue) => sum + issue.to - issue.from + 1, 0);
    button("issue").hidden = !count;
    say($("[data-log-issues]", box), count.toLocaleString());
    button("issue").classList.toggle("bad", found.some((issue) => issue.mark === "e"));
    button("follow").setAttribute("aria-pressed", String(view.follow));
    button("verbose").setAttribute("aria-pressed", String(view.verbose));
  }

  let at = -1;
  /** The next (1) or previous (-1) warning or error, from the last one shown, round and round. */
  function goToIssue(direction) {
    const found = issues();
    if (!found.length) return;
    at = (at + direction + found.length) % found.length;
    const { group, from, to } = found[at];
    view.pick(group, from, to);
    view.goTo(group, from);
  }

  const acts = {
    issue: () => goToIssue(1),
    verbose: () => (view.setVerbose(!view.verbose), showButtons()),
    follow: () => view.setFollow(!view.follow),
    fold: () => view.foldAll(!view.groups.some((group) => group.open)),
    time: (pressed) => {
      const shown = pressed.getAttribute("aria-pressed") !== "true";
      pressed.setAttribute("aria-pressed", String(shown));
      view.el.classList.toggle("no-ts", !shown);
    },
  };
  on("click", "#logbox [data-log]", (pressed) => acts[pressed.dataset.log](pressed));

  const keys = {
    n: () => goToIssue(1),
    p: () => goToIssue(-1),
    f: acts.follow,
    v: acts.verbose,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || $("dialog[open]")) return;
    if (event.target.closest("input, textarea, select") || localStorage.getItem("octo.keys.off") === "1") return;
    keys[event.key]?.();
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
