// Where the lines come from: new ones through the page's socket, older ones by range over HTTP. While there is no
// socket the page asks every few seconds instead.
(() => {
  "use strict";

  const PAUSE = 40;
  const RETRY = 2000;
  const AT_ONCE = 2000;

  class Source {
    /** `url` is the address of the frames; a step's lines are below it. */
    constructor({ task, url, groups, apply, loaded, state }) {
      Object.assign(this, { task, url, groups, apply, loaded, state });
      this.wanted = new Map();
      this.flying = new Map();
      this.timer = 0;
      this.polling = false;
    }

    start() {
      document.addEventListener("octo:log", (event) => this.received(event.detail.log));
      OctoLive.on("open", () => {
        OctoLive.send({ log: { task: this.task, after: this.after() } });
        this.state("open");
      });
      OctoLive.on("close", () => this.state("closed"));
      // live.js announces its topics by itself while there is no connection.
      document.body.addEventListener(`live:task-${this.task}`, () => this.poll());
    }

    after() {
      return Object.fromEntries(this.groups().map((group) => [group.attempt, group.total]));
    }

    received(frame) {
      if (frame.task !== this.task) return;
      this.apply(frame);
      OctoLive.send({ got: frame.frame });
    }

    async poll() {
      if (OctoLive.isOpen() || this.polling) return;
      this.polling = true;
      const after = encodeURIComponent(JSON.stringify(this.after()));
      const frame = await get(`${this.url}?after=${after}`);
      this.polling = false;
      if (frame?.groups) this.apply(frame);
    }

    // Ranges.

    /** A Map of groups to gaps [first, count]. Replaces what was wanted before: a view that has scrolled on needs
        only what is in sight now. */
    want(gaps) {
      this.wanted = gaps;
      if (!this.timer) this.send();
    }

    /** The first time at once, then every now and then as long as other places come into sight. */
    send() {
      if (!this.wanted.size) return;
      for (const [group, gaps] of this.wanted) {
        for (const [first, count] of gaps) this.load(group, first, count);
      }
      this.wanted = new Map();
      this.timer = setTimeout(() => {
        this.timer = 0;
        this.send();
      }, PAUSE);
    }

    /** The texts of all lines between two; null where one cannot be had. */
    async texts(group, from, to) {
      const found = [];
      while (found.length <= to - from) {
        const first = from + found.length;
        const query = `attempt=${group.attempt}&first=${first}&count=${Math.min(to - first + 1, AT_ONCE)}`;
        const answer = await get(`${this.url}${group.head.number}/?${query}`);
        if (!answer?.lines.length) return null;
        found.push(...answer.lines.map((line) => line[3]));
      }
      return found;
    }

    async load(group, first, count) {
      const key = `${group.attempt} ${first}`;
      if (this.flying.has(key)) return;
      this.flying.set(key, true);
      const query = `attempt=${group.attempt}&first=${first}&count=${count}`;
      const answer = await get(`${this.url}${group.head.number}/?${query}`);
      if (answer?.lines.length) {
        this.flying.delete(key);
        group.fetched(answer);
      } else {
        // Asked for again by whoever still sees the place.
        setTimeout(() => (this.flying.delete(key), this.loaded()), RETRY);
      }
      this.loaded();
    }
  }

  async function get(url) {
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      return response.ok ? await response.json() : null;
    } catch {
      return null;
    }
  }

  window.OctoLog.Source = Source;
})();
