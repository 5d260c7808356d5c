// The shell: theme, sidebar, menus, reveals, copy, toasts, and how htmx behaves. Loaded first on every page.
// Everything listens on the document, so content that htmx brings later needs no wiring.
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  /** Path of this space, always ending in a slash: "/" or "/s/<slug>/". */
  const prefix = () => document.body.dataset.prefix || "/";

  /** Calls `handler(element, event)` when `type` happens on or inside an element that matches. */
  function on(type, selector, handler) {
    document.addEventListener(type, (event) => {
      const element = event.target instanceof Element ? event.target.closest(selector) : null;
      if (element) handler(element, event);
    });
  }

  /** Runs `setUp(root)` on the document once it is there, and on everything that htmx adds. */
  function each(setUp) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => setUp(document));
    else setUp(document);
    document.addEventListener("htmx:load", (event) => setUp(event.target));
    document.addEventListener("htmx:afterSettle", (event) => setUp(event.target));
  }

  const SVG = "http://www.w3.org/2000/svg";

  /** An icon of the sprite, as the template tag makes it. */
  function icon(name, css = "") {
    const picture = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");
    picture.setAttribute("class", `i ${css}`.trim());
    picture.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
    picture.append(use);
    return picture;
  }

  // Toasts: news that needs no action. Errors that need one are callouts in the page.

  const TOAST_SECONDS = 5;

  function part(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  }

  function toast(title, body = "", kind = "ok") {
    const region = $("#toasts");
    // Parts of a page that fail together say so once.
    if (!region || (kind === "bad" && $$("b", region).some((said) => said.textContent === title))) return;
    const element = part("div", "toast");
    const words = part("div");
    words.append(part("b", "", title));
    if (body) words.append(part("div", "sm sec", body));
    element.append(part("span", `dot ${kind}`), words);
    region.append(element);
    leave(element);
  }

  // A toast stays while it is pointed at, so that it can be read or copied.
  function leave(element) {
    setTimeout(() => (element.matches(":hover") ? leave(element) : element.remove()), TOAST_SECONDS * 1000);
  }

  document.addEventListener("octo:toast", (event) => {
    const { title, body, kind } = event.detail;
    toast(title, body, kind);
  });

  each((root) => {
    for (const message of $$("template[data-toast]", root)) {
      toast(message.content.textContent.trim(), "", message.dataset.toast);
      message.remove();
    }
  });

  // Theme: a cookie that the server reads, so that the next page arrives in the right colours.

  const THEMES = ["system", "light", "dark"];
  const YEAR = 31536000;

  function setTheme(theme) {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    document.cookie = `theme=${theme}; path=/; max-age=${YEAR}; samesite=lax`;
    nameTheme();
  }

  function nameTheme() {
    const theme = document.documentElement.dataset.theme || "system";
    for (const button of $$("[data-theme-toggle]")) {
      button.title = `Theme: ${theme}`;
      button.setAttribute("aria-label", `Change theme, now ${theme}`);
    }
  }

  on("click", "[data-theme-toggle]", () => {
    const now = document.documentElement.dataset.theme || "system";
    setTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
  });
  each(nameTheme);

  // Sidebar on small screens.

  function showSide(open) {
    const side = $("#side");
    if (!side || side.classList.contains("open") === open) return;
    side.classList.toggle("open", open);
    for (const button of $$("[data-side]")) button.setAttribute("aria-expanded", String(open));
    if (open) $("a, button", side).focus();
  }

  on("click", "[data-side]", () => showSide(!$("#side").classList.contains("open")));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#side, [data-side]")) showSide(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") showSide(false);
  });

  // Menus are popovers; the browser opens them, this puts them beside their button.

  const GAP = 4;

  function placeMenu(menu, button) {
    const at = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    const right = at.left + width > innerWidth - 8;
    const below = at.bottom + GAP + height < innerHeight;
    menu.style.left = `${Math.max(8, right ? at.right - width : at.left)}px`;
    menu.style.top = `${below ? at.bottom + GAP : Math.max(8, at.top - height - GAP)}px`;
  }

  function placeBesideButton(menu) {
    // A menu that serves many says which of them has opened it.
    const [opener] = $$(`[data-opens="${CSS.escape(menu.id)}"]`);
    const buttons = $$(`[popovertarget="${CSS.escape(menu.id)}"]`).filter((button) => !menu.contains(button));
    if (opener || buttons.length) placeMenu(menu, opener || buttons[0]);
  }

  document.addEventListener(
    "toggle",
    (event) => {
      const menu = event.target;
      if (!menu.matches?.(".menu[popover]") || event.newState !== "open") return;
      placeBesideButton(menu);
      $('input[type="search"]:not([hidden]), a, button', menu)?.focus();
    },
    true,
  );
  // A live refresh may move the button, and takes the place off the menu.
  document.addEventListener("htmx:afterSettle", () => $$(".menu:popover-open").forEach(placeBesideButton));

  on("keydown", ".menu[popover]", (menu, event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const items = $$("a, button:not(:disabled)", menu).filter((item) => item.offsetParent);
    const next = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    items[(next + items.length) % items.length]?.focus();
  });
  on("click", ".menu[popover] a, .menu[popover] button", (item) => {
    const menu = item.closest(".menu[popover]");
    if (menu.matches(":popover-open")) menu.hidePopover();
  });

  // Reveal: <input type="radio" data-reveal="#id"> shows #id while it is checked; an <option> may carry it too,
  // and several of them may show the same, each one or more: "#id, #other".

  function revealed(control) {
    return control.matches("option") ? control.selected : control.checked;
  }

  function reveal(root = document) {
    const shown = new Map();
    for (const control of $$("[data-reveal]", root.closest?.("form") || document)) {
      for (const selector of control.dataset.reveal.split(",").map((one) => one.trim())) {
        shown.set(selector, shown.get(selector) || revealed(control));
      }
    }
    // What one control hides, another may show.
    const order = [...shown].sort((one, other) => Boolean(one[1]) - Boolean(other[1]));
    for (const [selector, visible] of order) for (const element of $$(selector)) element.hidden = !visible;
  }

  document.addEventListener("change", () => reveal());
  document.addEventListener("reset", () => setTimeout(reveal));
  each(() => reveal());

  // Copy: <button data-copy="#id">; inside #id, [data-copy-text] leaves the prompt out. A field gives its value.

  async function copy(button) {
    const source = $(button.dataset.copy);
    const text = source.value ?? ($("[data-copy-text]", source) || source).textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied to the clipboard");
    } catch {
      // No clipboard without HTTPS: select it, so that Ctrl+C works.
      getSelection().selectAllChildren($("[data-copy-text]", source) || source);
      toast("Selected. Press Ctrl+C to copy", "", "warn");
    }
  }

  on("click", "[data-copy]", copy);

  // Segmented buttons that only change the view on this page.
  on("click", ".seg > button[aria-pressed]", (button) => {
    for (const other of $$(":scope > button", button.parentElement)) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  });

  // A filter that works on what is on the page: <input data-filter-rows="#table tbody tr">.
  on("input", "[data-filter-rows]", (input) => {
    const words = input.value.trim().toLowerCase();
    for (const row of $$(input.dataset.filterRows)) row.hidden = !row.textContent.toLowerCase().includes(words);
  });

  // htmx: a live refresh must not wipe the field that somebody types in nor fold what somebody unfolded, and a
  // lost answer must be said.

  if (window.Idiomorph) {
    Idiomorph.defaults.ignoreActiveValue = true;
    // What is typed into a field of a part that refreshes itself stays, also once the focus has left it.
    Idiomorph.defaults.callbacks.beforeNodeMorphed = (node) => !(node instanceof Element && node.matches("[data-keep]"));
    // The server never sends a secret back: hx-preserve would keep it too, but loses the field when two answers meet.
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
      !(name === "open" && node.matches("details, dialog")) && !(name === "value" && node.matches("[data-keep-typed]"));
  }

  document.addEventListener("htmx:sendError", () => {
    if (!$("#conn") || $("#conn").hidden) toast("The server does not answer", "Nothing was changed. Try again.", "bad");
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status === 401) toast("You are signed out", "Nothing was changed. Reload the page to sign in again.", "bad");
    else if (status === 403) toast("You may not do this", "Nothing was changed.", "bad");
    else if (status === 404) toast("It is gone", "Somebody may have deleted it. Reload the page.", "bad");
    else toast("The server met an error", "Nothing was changed. Its log has the details.", "bad");
  });

  window.Octo = { $, $$, each, icon, on, prefix, toast };
})();
