// `#{` in plain fields: <input data-variables="#id" data-filters="#id">, each id a <script type="application/json">
// with names. Offers them while somebody types, and says below the field which names are unknown. Needs vendor/editor.js.
(() => {
  "use strict";
  const { $, $$, each } = window.Octo;
  const MOST = 50;
  let count = 0;

  const listed = (selector) => JSON.parse($(selector)?.textContent || "[]");

  function made(tag, attributes) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function equip(field) {
    const names = { name: listed(field.dataset.variables), filter: listed(field.dataset.filters) };
    const id = `references-${(count += 1)}`;
    const list = made("ul", { class: "menu refs", id, role: "listbox", "aria-label": "Variables" });
    const note = made("span", { class: "hint warn", role: "status" });
    list.hidden = true;
    field.after(list, note);
    for (const [name, value] of [["aria-autocomplete", "list"], ["aria-controls", id]]) field.setAttribute(name, value);
    let chosen = 0;
    let found = null;

    const close = () => {
      list.hidden = true;
      field.removeAttribute("aria-activedescendant");
    };

    const choose = (at) => {
      const options = [...list.children];
      chosen = (at + options.length) % options.length;
      options.forEach((option, index) => option.setAttribute("aria-selected", String(index === chosen)));
      options[chosen].scrollIntoView({ block: "nearest" });
      field.setAttribute("aria-activedescendant", options[chosen].id);
    };

    const offer = () => {
      const before = field.value.slice(0, field.selectionStart);
      found = window.OctoEditor.completable(before);
      const typed = found ? before.slice(found.from).toLowerCase() : "";
      const fitting = found ? names[found.kind].filter((name) => name.toLowerCase().includes(typed)) : [];
      if (!fitting.length) return close();
      list.replaceChildren(
        ...fitting.slice(0, MOST).map((name, at) => {
          const option = made("li", { role: "option", id: `${id}-${at}` });
          option.textContent = name;
          return option;
        }),
      );
      list.hidden = false;
      choose(0);
    };

    const take = (text) => {
      const end = field.selectionStart;
      const brace = found.kind === "name" && field.value[end] !== "}" ? "}" : "";
      field.setRangeText(text + brace, found.from, end, "end");
      close();
      field.dispatchEvent(new Event("input", { bubbles: true }));
      close();
    };

    const warn = () => {
      const unknown = names.name.length ? window.OctoEditor.unknownTokens(field.value, names.name) : [];
      note.textContent = unknown.length ? `No variable here: ${unknown.map((one) => `#{${one}}`).join(", ")}` : "";
      field.classList.toggle("has-unknown", unknown.length > 0);
    };

    field.addEventListener("input", () => {
      offer();
      warn();
    });
    field.addEventListener("blur", close);
    field.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      const acts = {
        ArrowDown: () => choose(chosen + 1),
        ArrowUp: () => choose(chosen - 1),
        Enter: () => take(list.children[chosen].textContent),
        Tab: () => take(list.children[chosen].textContent),
        Escape: close,
      };
      if (!acts[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      acts[event.key]();
    });
    // Before the field loses the focus.
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) take(option.textContent);
    });
    field.form?.addEventListener("reset", () => setTimeout(warn));
    warn();
  }

  each(() => {
    for (const field of $$("[data-variables]")) {
      if (field.dataset.equipped) continue;
      field.dataset.equipped = "1";
      equip(field);
    }
  });
})();
