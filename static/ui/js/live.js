// One WebSocket per page for everything that changes by itself.
//
// The server only says *that* something changed: {"topics": ["pool-7"]} becomes the event `live:pool-7` on <body>,
// and the elements that listen (hx-trigger="live:pool-7 from:body") fetch themselves again, so that permissions are
// checked anew. Elements name what they need with data-live="pool-7 tasks"; they are subscribed while they are in
// the page. A message with the key "log" becomes the event `octo:log` for the log view, which speaks through
// OctoLive.send and starts again from where it was on OctoLive.on("open").
(() => {
  "use strict";
  const { $, $$, prefix } = window.Octo;

  // A topic is announced at once, then at most this often, and always once more after its last change: htmx's own
  // throttle would drop that last one.
  const SPACING = 1100;
  const FIRST_RETRY = 500;
  const LAST_RETRY = 15000;
  const PATIENCE = 10000;
  const POLL = 5000;
  const HIDDEN_FOR = 60000;
  // After sleep, or on another network, a connection may be dead without anybody having said so: it is asked,
  // and given up where no answer comes.
  const BEAT = 20000;
  const ANSWER = 5000;
  const OPENING = 15000;
  const SIGNED_OUT = [4401, 4403];

  const scripted = new Map();
  const listeners = { open: new Set(), close: new Set() };
  const announcedAt = new Map();
  const announceLater = new Map();
  let subscribed = new Set();
  let socket = null;
  let tries = 0;
  let retryTimer = 0;
  let patienceTimer = 0;
  let pollTimer = 0;
  let hiddenTimer = 0;
  let beatTimer = 0;
  let answerTimer = 0;
  let signedOut = false;

  // Topics: what elements and scripts ask for.

  function wanted() {
    const topics = new Set(scripted.keys());
    for (const element of $$("[data-live]")) {
      for (const topic of element.dataset.live.split(/[\s,]+/)) if (topic) topics.add(topic);
    }
    return topics;
  }

  function announce(topic) {
    if (announceLater.has(topic)) return;
    const wait = (announcedAt.get(topic) || 0) + SPACING - Date.now();
    if (wait <= 0 && !document.hidden) tell(topic);
    else announceLater.set(topic, setTimeout(() => tell(topic), Math.max(wait, 0)));
  }

  function tell(topic) {
    clearTimeout(announceLater.get(topic));
    // A hidden tab keeps the news until somebody looks.
    if (document.hidden) {
      announceLater.set(topic, 0);
      return;
    }
    announceLater.delete(topic);
    announcedAt.set(topic, Date.now());
    document.body.dispatchEvent(new CustomEvent(`live:${topic}`));
  }

  const announceAll = () => subscribed.forEach(announce);

  function sync() {
    const topics = wanted();
    const added = [...topics].filter((topic) => !subscribed.has(topic));
    const gone = [...subscribed].filter((topic) => !topics.has(topic));
    subscribed = topics;
    if (added.length) send({ subscribe: added });
    if (gone.length) send({ unsubscribe: gone });
    if (needed()) connect();
    showState();
  }

  const needed = () => subscribed.size > 0 || listeners.open.size > 0;

  // The socket.

  const isOpen = () => socket?.readyState === WebSocket.OPEN;

  function send(message) {
    if (!isOpen()) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  function connect() {
    if (socket || signedOut || document.hidden) return;
    clearTimeout(retryTimer);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${prefix()}ws/live/`);
    socket.addEventListener("open", opened);
    socket.addEventListener("message", received);
    socket.addEventListener("close", closed);
    answerWithin(OPENING);
    startPatience();
  }

  function opened() {
    tries = 0;
    answered();
    beatTimer = setInterval(beat, BEAT);
    calm();
    // The server answers with these topics: what changed while nobody listened is looked at once.
    if (subscribed.size) send({ subscribe: [...subscribed] });
    listeners.open.forEach((listener) => listener());
    showState();
  }

  function received(event) {
    answered();
    const message = JSON.parse(event.data);
    if (Array.isArray(message.topics)) message.topics.forEach(announce);
    if ("log" in message) document.dispatchEvent(new CustomEvent("octo:log", { detail: message }));
  }

  function beat() {
    if (!answerTimer && send({ ping: true })) answerWithin(ANSWER);
  }

  function answerWithin(milliseconds) {
    answerTimer = setTimeout(giveUp, milliseconds);
  }

  function answered() {
    clearTimeout(answerTimer);
    answerTimer = 0;
  }

  /** Its own end would be told only minutes later. */
  function giveUp() {
    release().close();
    closed({ code: 0 });
  }

  /** From here on nobody listens to what it says. */
  function release() {
    const released = socket;
    released?.removeEventListener("open", opened);
    released?.removeEventListener("message", received);
    released?.removeEventListener("close", closed);
    return released;
  }

  function closed(event) {
    answered();
    clearInterval(beatTimer);
    socket = null;
    listeners.close.forEach((listener) => listener());
    if (SIGNED_OUT.includes(event.code)) {
      signedOut = true;
      calm();
      showBar("You are signed out. Reload the page to sign in again.");
    } else if (!document.hidden && needed()) {
      retry();
    }
    showState();
  }

  function retry() {
    const longest = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** tries);
    tries += 1;
    startPatience();
    // Jitter: a server that comes back must not meet all its browsers in the same instant.
    retryTimer = setTimeout(connect, longest * (0.5 + Math.random() / 2));
  }

  // Without a connection: say so after a while, and poll.

  function startPatience() {
    patienceTimer ||= setTimeout(() => {
      showBar("Reconnecting. Until then this page refreshes every 5 seconds.");
      pollTimer ||= setInterval(announceAll, POLL);
    }, PATIENCE);
  }

  function calm() {
    clearTimeout(patienceTimer);
    clearInterval(pollTimer);
    patienceTimer = pollTimer = 0;
    const bar = $("#conn");
    if (bar) bar.hidden = true;
  }

  function showBar(words) {
    const bar = $("#conn");
    if (!bar) return;
    $("[data-conn-words]", bar).textContent = words;
    bar.hidden = false;
  }

  function showState() {
    const state = $("#live-state");
    if (!state) return;
    state.hidden = !needed();
    $(".dot", state).className = isOpen() ? "dot ok" : "dot warn";
    const words = isOpen() ? "Connected" : "Connecting";
    if ($("[data-live-words]", state).textContent !== words) $("[data-live-words]", state).textContent = words;
  }

  // Hidden tabs: news waits; after a minute the connection goes too.

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) {
      hiddenTimer = setTimeout(() => socket?.close(1000), HIDDEN_FOR);
      return;
    }
    for (const topic of [...announceLater.keys()]) tell(topic);
    beat();
    if (needed()) connect();
  });
  addEventListener("online", () => {
    tries = 0;
    beat();
    if (needed()) connect();
  });
  // A page that is left must not see its own connection close as a failure.
  addEventListener("pagehide", () => {
    release()?.close(1000);
    answered();
    clearInterval(beatTimer);
    socket = null;
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) sync();
  });

  // Elements come and go with htmx and with scripts.

  let syncTimer = 0;
  const syncSoon = () => (syncTimer ||= setTimeout(() => ((syncTimer = 0), sync()), 50));
  const relevant = (node) => node.nodeType === 1 && (node.matches("[data-live]") || node.querySelector("[data-live]"));
  const observer = new MutationObserver((changes) => {
    const matters = (change) =>
      change.type === "attributes" || [...change.addedNodes, ...change.removedNodes].some(relevant);
    if (changes.some(matters)) syncSoon();
  });
  observer.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-live"] });

  /** For scripts: topics without an element. Each subscribe needs its unsubscribe. */
  function subscribe(topic) {
    scripted.set(topic, (scripted.get(topic) || 0) + 1);
    sync();
  }

  function unsubscribe(topic) {
    const left = (scripted.get(topic) || 0) - 1;
    if (left > 0) scripted.set(topic, left);
    else scripted.delete(topic);
    sync();
  }

  /** kind: "open" (called at once when there is a connection already) or "close". */
  function on(kind, listener) {
    listeners[kind].add(listener);
    if (kind === "open" && isOpen()) listener();
    sync();
  }

  function off(kind, listener) {
    listeners[kind].delete(listener);
  }

  window.OctoLive = { isOpen, off, on, send, subscribe, unsubscribe };
  sync();
})();
