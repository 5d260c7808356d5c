// Tells, in whichever tab is open, that a run of yours has ended or waits for you: a toast, the title of tabs that
// nobody looks at and, for whoever wants it, a notification of the browser. One tab asks the server for all of them.
(() => {
  "use strict";
  const { $, $$, each, on, prefix, toast } = window.Octo;

  const EVERY = 15_000;
  const SPACING = 2_000;
  const WANTED = "octo.notify";
  const CURSOR = `octo.news.at ${prefix()}`;
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(`octo-news ${prefix()}`) : null;
  const title = document.title;
  let unseen = 0;
  let open = 1;
  let askedAt = 0;
  let leads = false;

  function stored(key) {
    try {
      return localStorage.getItem(key) || "";
    } catch {
      return "";
    }
  }

  function store(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      return;
    }
  }

  async function ask() {
    if (!leads || Date.now() - askedAt < SPACING) return;
    askedAt = Date.now();
    const since = stored(CURSOR);
    let answer = null;
    try {
      const response = await fetch(`${prefix()}tasks/news/${since ? `?since=${since}` : ""}`);
      if (!response.ok) return;
      answer = await response.json();
    } catch {
      return; // asked again before long
    }
    store(CURSOR, answer.at);
    open = answer.open;
    if (!answer.news.length) return;
    channel?.postMessage(answer.news);
    tell(answer.news);
    if (!document.hasFocus()) answer.news.forEach(notify);
  }

  function tell(news) {
    for (const one of news) {
      // The page of the run itself says it already.
      if (!document.hidden && location.pathname === one.url) continue;
      toast(one.title, one.words, one.kind === "idle" ? "warn" : one.kind);
    }
    if (!document.hidden) return;
    unseen += news.length;
    document.title = `(${unseen}) ${title}`;
  }

  function notify(one) {
    if (stored(WANTED) !== "1" || !("Notification" in window) || Notification.permission !== "granted") return;
    const shown = new Notification(one.title, { body: one.words, tag: `octo-task-${one.id}` });
    shown.addEventListener("click", () => {
      window.focus();
      location.assign(one.url);
    });
  }

  channel?.addEventListener("message", (event) => tell(event.data));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    unseen = 0;
    document.title = title;
  });

  // Whoever holds the lock asks for all tabs; when its tab closes the next one does.
  function lead() {
    leads = true;
    ask();
    setInterval(() => open && ask(), EVERY);
    document.body.addEventListener("live:tasks", () => setTimeout(ask, Math.max(askedAt + SPACING - Date.now(), 0)));
    return new Promise(() => {});
  }
  if (channel && navigator.locks) navigator.locks.request(`octo-news ${prefix()}`, lead);
  else lead();

  // The switch: the browser asks its own question first.

  function showSwitches() {
    const isOn = stored(WANTED) === "1" && "Notification" in window && Notification.permission === "granted";
    for (const button of $$("[data-notify]")) {
      button.hidden = !("Notification" in window);
      button.setAttribute("aria-pressed", String(isOn));
      $("[data-notify-words]", button).textContent = isOn ? "Stop telling me in this browser" : "Tell me in this browser";
    }
  }

  on("click", "[data-notify]", async (button) => {
    if (button.getAttribute("aria-pressed") === "true") store(WANTED, "0");
    else if ((await Notification.requestPermission()) === "granted") store(WANTED, "1");
    else toast("The browser does not allow it", "Allow notifications of this site in the browser's settings.", "warn");
    showSwitches();
  });
  each(showSwitches);
})();
