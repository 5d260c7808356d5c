// The search box of the log: asks the server, which searches all of it, and walks from hit to hit.
(() => {
  "use strict";
  const { $ } = window.Octo;

  const TYPING = 250;
  //: Milliseconds between two looks at a log that is still being written.
  const AGAIN = 3000;

  class Search {
    /** `live()` says whether the log may still grow. */
    constructor(form, { view, live }) {
      Object.assign(this, { form, view, live });
      this.input = $("[name=q]", form);
      this.words = $("[data-log-found]", form);
      this.problem = $("#log-search-problem");
      this.clear();
      this.asked = 0;
      this.timer = 0;
      form.addEventListener("submit", (event) => this.submitted(event));
      form.addEventListener("input", () => this.later(TYPING));
      form.addEventListener("click", (event) => this.clicked(event));
      this.input.addEventListener("keydown", (event) => this.pressed(event));
    }

    clear() {
      this.found = new Map();
      this.hits = [];
      this.count = 0;
      this.at = -1;
      this.text = "";
    }

    isHit(group, seq) {
      return this.found.get(group.attempt)?.has(seq) || false;
    }

    focus() {
      this.input.focus();
      this.input.select();
    }

    clicked(event) {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.find) this.go(Number(button.dataset.find));
      if (button.dataset.toggle) {
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
        this.later(0);
      }
    }

    submitted(event) {
      event.preventDefault();
      if (this.text === this.query()) this.go(1);
      else this.ask({ go: true });
    }

    pressed(event) {
      if (event.key === "Enter" && event.shiftKey) {
        event.preventDefault();
        this.go(-1);
      } else if (event.key === "Escape" && this.input.value) {
        event.preventDefault();
        event.stopPropagation();
        this.input.value = "";
        this.later(0);
      } else if (event.key === "Escape") this.view.el.focus();
    }

    later(wait) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask({ go: wait > 0 }), wait);
    }

    /** The log has grown: what is new may match. */
    grown() {
      if (!this.text || !this.live() || this.regrowing) return;
      this.regrowing = setTimeout(() => {
        this.regrowing = 0;
        if (this.text) this.ask({ go: false });
      }, AGAIN);
    }

    query() {
      const query = new URLSearchParams({ q: this.input.value });
      for (const button of this.form.querySelectorAll("[data-toggle][aria-pressed=true]")) query.set(button.dataset.toggle, "1");
      const level = $("[name=level]", this.form).value;
      if (level) query.set("level", level);
      return query.toString();
    }

    async ask({ go }) {
      const query = this.query();
      const mine = (this.asked += 1);
      if (!this.input.value) {
        this.clear();
        this.show("");
        return;
      }
      this.words.textContent = "…";
      const answer = await fetched(`${this.form.dataset.hits}?${query}`);
      if (mine !== this.asked) return;
      if (answer.error) {
        this.clear();
        this.show(answer.error);
        return;
      }
      const before = this.text === query ? this.hits[this.at] : null;
      this.text = query;
      this.take(answer);
      this.at = before ? this.hits.findIndex((hit) => hit.group === before.group && hit.seq === before.seq) : -1;
      this.show("");
      if (go && this.count && this.at < 0) this.first();
    }

    take({ count, groups, whole }) {
      this.count = count;
      this.whole = whole;
      this.found = new Map(groups.map((one) => [one.attempt, new Set(one.hits)]));
      this.hits = this.view.groups.flatMap((group) => [...(this.found.get(group.attempt) || [])].map((seq) => ({ group, seq })));
    }

    show(problem) {
      const many = `${this.count.toLocaleString()}${this.whole === false ? "+" : ""}`;
      const place = this.at >= 0 ? `${(this.at + 1).toLocaleString()} of ${many}` : many;
      this.words.textContent = this.text && !problem ? (this.count ? place : "No line") : "";
      this.problem.textContent = problem;
      this.problem.hidden = !problem;
      this.input.setAttribute("aria-invalid", String(Boolean(problem)));
      this.view.paint();
    }

    /** The first hit from what is in sight on, so that typing does not throw the reader about. */
    first() {
      const sight = this.view.firstInSight();
      const index = (group) => this.view.groups.indexOf(group);
      const after = (hit) => !sight || index(hit.group) > index(sight.group) || (hit.group === sight.group && hit.seq >= sight.seq);
      this.at = Math.max(this.hits.findIndex(after), 0) - 1;
      this.go(1);
    }

    go(direction) {
      if (!this.hits.length) return;
      this.at = (this.at + direction + this.hits.length) % this.hits.length;
      const { group, seq } = this.hits[this.at];
      this.view.pick(group, seq, seq);
      this.view.goTo(group, seq);
      this.show("");
    }
  }

  async function fetched(url) {
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      return response.ok || response.status === 422 ? await response.json() : { error: "The search did not work. Try again." };
    } catch {
      return { error: "The server cannot be reached." };
    }
  }

  window.OctoLog.Search = Search;
})();
