// The command palette (Ctrl+K): asks /search/?q= for {results: [{label, kind, url}]} and jumps.
(() => {
  "use strict";
  const { $, $$, icon, on, prefix } = window.Octo;

  const palette = $("#palette");
  if (!palette) return;
  const input = $("input", palette);
  const list = $("ul", palette);
  const DELAY = 120;
  const ICONS = {
    Action: "zap",
    Environment: "layers",
    Page: "arrow-right",
    Project: "folder-git-2",
    Release: "package",
    Runbook: "book-open-text",
    "Tag set": "tags",
    Task: "list-checks",
    Tenant: "building-2",
    Worker: "server",
    "Worker pool": "boxes",
  };
  let chosen = 0;
  let timer = 0;
  let asking = null;

  function open() {
    if (palette.open) return;
    input.value = "";
    palette.showModal();
    input.focus();
    ask();
  }

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    try {
      const url = `${prefix()}search/?q=${encodeURIComponent(input.value.trim())}`;
      const response = await fetch(url, { signal: asking.signal, headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(String(response.status));
      show((await response.json()).results);
    } catch (error) {
      if (error.name !== "AbortError") say("The search does not answer. Try again.");
    }
  }

  function say(words) {
    const item = document.createElement("li");
    item.className = "none";
    item.role = "presentation";
    item.textContent = words;
    list.replaceChildren(item);
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function option(result, index) {
    const item = document.createElement("li");
    const kind = document.createElement("span");
    item.id = `palette-${index}`;
    item.role = "option";
    item.dataset.url = result.url;
    kind.textContent = result.kind;
    item.append(icon(ICONS[result.kind] || "arrow-right"), result.label, kind);
    return item;
  }

  function show(results) {
    if (!results.length) {
      say(input.value.trim() ? "Nothing has this name." : "Type the name of a project, runbook, worker or task.");
      return;
    }
    list.replaceChildren(...results.map(option));
    input.setAttribute("aria-expanded", "true");
    choose(0);
  }

  function choose(index) {
    const items = $$("[role=option]", list);
    if (!items.length) return;
    chosen = (index + items.length) % items.length;
    items.forEach((item, position) => item.setAttribute("aria-selected", String(position === chosen)));
    input.setAttribute("aria-activedescendant", items[chosen].id);
    items[chosen].scrollIntoView({ block: "nearest" });
  }

  function go(item) {
    if (!item?.dataset.url) return;
    palette.close();
    location.assign(item.dataset.url);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, DELAY);
  });
  input.addEventListener("keydown", (event) => {
    const moves = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, Home: 0, End: -1 };
    if (event.key === "Enter") {
      event.preventDefault();
      go($(`#palette-${chosen}`));
    } else if (event.key in moves && (event.key.startsWith("Arrow") || event.ctrlKey)) {
      event.preventDefault();
      choose(moves[event.key]);
    }
  });
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]")));

  on("click", "[data-palette]", open);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
})();
