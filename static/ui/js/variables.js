// Variables: the scope picker, opening a value by pressing it, and the count of unsaved changes.
// Rows come from the server (templates/variables/_group.html); this only edits the inputs in them.
(() => {
  "use strict";
  const { $, $$, each, on } = window.Octo;

  // Scope picker: chips with hidden inputs, and one list for all pickers in the top layer.

  const HEADINGS = {
    Environment: "Environments",
    TenantTag: "Tenant tags",
    Tenant: "Tenants",
    ProcessOwner: "Processes",
    Action: "Steps",
    Channel: "Channels",
    Machine: "Targets",
    Role: "Target tags",
  };
  const MOST = 60;
  let box = null;
  let chosen = 0;

  const options = () => JSON.parse($("#scope-options").textContent);
  const part = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text || "" });

  function list() {
    let found = $("#scope-list");
    if (found) return found;
    found = part("div", "menu pop");
    found.id = "scope-list";
    found.role = "listbox";
    found.popover = "manual";
    found.setAttribute("aria-label", "Scope suggestions");
    // The press must not take the focus from the field.
    found.addEventListener("pointerdown", (event) => event.preventDefault());
    found.addEventListener("click", (event) => choose(event.target.closest("[role=option]")));
    $("#main").append(found);
    return found;
  }

  function matching(typed) {
    const taken = new Set($$("input[type=hidden]", box).map((input) => input.value));
    const words = typed.trim().toLowerCase();
    return options()
      .filter((one) => !taken.has(one.key) && `${one.group} ${one.label}`.toLowerCase().includes(words))
      .slice(0, MOST);
  }

  /** The label with the typed letters marked. */
  function marked(label, typed) {
    const span = part("span", "hl");
    const at = label.toLowerCase().indexOf(typed.trim().toLowerCase());
    if (at < 0 || !typed.trim()) {
      span.textContent = label;
      return span;
    }
    const end = at + typed.trim().length;
    span.append(label.slice(0, at), part("mark", "", label.slice(at, end)), label.slice(end));
    return span;
  }

  function entry(one, index, typed) {
    const item = part("div", `opt-item${one.hue ? ` env e${one.hue}` : ""}`);
    item.role = "option";
    item.id = `scope-option-${index}`;
    item.dataset.key = one.key;
    item.append(marked(one.label, typed));
    if (one.group) item.append(part("span", "end xs muted", one.group));
    return item;
  }

  function open(input) {
    box = input.closest(".scin");
    const found = matching(input.value);
    const popup = list();
    let kind = "";
    const items = [];
    found.forEach((one, index) => {
      if (one.kind !== kind) items.push(part("div", "gh", HEADINGS[one.kind] || one.kind));
      kind = one.kind;
      items.push(entry(one, index, input.value));
    });
    if (!found.length) items.push(part("div", "gh", "Nothing has this name."));
    popup.replaceChildren(...items);
    if (!popup.matches(":popover-open")) popup.showPopover();
    place(popup);
    input.setAttribute("aria-expanded", "true");
    input.setAttribute("aria-controls", popup.id);
    point(input, 0);
  }

  function place(popup) {
    const at = box.getBoundingClientRect();
    const below = at.bottom + 4 + popup.offsetHeight < innerHeight;
    popup.style.left = `${at.left}px`;
    popup.style.minWidth = `${at.width}px`;
    popup.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - popup.offsetHeight - 4)}px`;
  }

  function point(input, index) {
    const items = $$("[role=option]", list());
    if (!items.length) return;
    chosen = (index + items.length) % items.length;
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    input.setAttribute("aria-activedescendant", items[chosen].id);
    items[chosen].scrollIntoView({ block: "nearest" });
  }

  function close() {
    const popup = $("#scope-list");
    if (popup?.matches(":popover-open")) popup.hidePopover();
    const input = box && $("[role=combobox]", box);
    input?.setAttribute("aria-expanded", "false");
    input?.removeAttribute("aria-activedescendant");
  }

  function chip(one) {
    const span = part("span", `chip${one.hue ? ` env e${one.hue}` : ""}`);
    const group = one.group || (one.kind === "Tenant" ? "Tenant" : "");
    if (group) span.append(part("span", "k", group));
    const remove = part("button", "", "×");
    remove.type = "button";
    remove.dataset.removeScope = "";
    remove.setAttribute("aria-label", `Remove ${one.label}`);
    span.append(one.label, remove);
    return span;
  }

  function choose(item) {
    const one = item && options().find((option) => option.key === item.dataset.key);
    if (!one) return;
    const input = $("[role=combobox]", box);
    const hidden = Object.assign(document.createElement("input"), { type: "hidden", name: box.dataset.scope, value: one.key });
    input.before(chip(one), hidden);
    input.value = "";
    input.placeholder = "";
    changed(box);
    input.focus();
    open(input);
  }

  function remove(button) {
    const owner = button.closest(".scin");
    const own = button.closest(".chip");
    own.nextElementSibling.remove();
    own.remove();
    const input = $("[role=combobox]", owner);
    if (!$(".chip", owner)) input.placeholder = "Any scope";
    changed(owner);
    input.focus();
  }

  function changed(element) {
    element.dispatchEvent(new CustomEvent("octo:changed", { bubbles: true }));
  }

  on("focusin", ".scin [role=combobox]", (input) => open(input));
  on("click", ".scin [role=combobox]", (input) => open(input));
  on("input", ".scin [role=combobox]", (input) => open(input));
  on("focusout", ".scin [role=combobox]", (input) => {
    input.value = "";
    close();
  });
  on("click", "[data-remove-scope]", remove);
  on("click", ".scin", (scope, event) => event.target === scope && $("[role=combobox]", scope).focus());
  document.addEventListener("scroll", () => $("#scope-list")?.matches(":popover-open") && place(list()), true);

  on("keydown", ".scin [role=combobox]", (input, event) => {
    const last = $$("[data-remove-scope]", input.closest(".scin")).at(-1);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      point(input, chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      choose($(`#scope-option-${chosen}`));
    } else if (event.key === "Escape") {
      close();
    } else if (event.key === "Backspace" && !input.value && last) {
      remove(last);
    }
  });

  // Opening a value by pressing it, and where the focus goes when the server brings the group back.

  let focusNext = "";

  on("click", "#vars tbody td:not(.edit, .ax, .pick)", (cell, event) => {
    if (event.target.closest("a, button, summary, input") || String(getSelection())) return;
    $("[data-edit-row]", cell.closest("tr"))?.click();
  });

  document.addEventListener("htmx:configRequest", (event) => {
    const [act, key] = String(event.detail.parameters.act || "").split(":");
    if (act === "edit") focusNext = `#r${key}-value, #r${key}-secret`;
    else if (act === "add") focusNext = `#group-${event.detail.parameters.in} tr:last-child [data-first]`;
    else if (act === "rename") focusNext = `#g${event.detail.parameters.in}-name`;
    else if (act === "done") focusNext = `[popovertarget="row-menu-${key}"]`;
    else if (act === "new") focusNext = "#vars tbody:last-child .name";
  });
  document.addEventListener("htmx:afterSettle", () => {
    const element = focusNext ? $(focusNext) : null;
    focusNext = "";
    element?.focus();
    element?.scrollIntoView({ block: "nearest" });
  });

  // Unsaved changes: a row that is being edited counts once something in it was changed.

  function count() {
    const kinds = { add: "added", chg: "changed", gone: "deleted" };
    const counts = Object.entries(kinds).map(([kind, word]) => [$$(`#vars tr.${kind}`).length, word]);
    const total = counts.reduce((sum, [number]) => sum + number, 0);
    const words = counts.filter(([number]) => number).map(([number, word]) => `${number} ${word}`);
    const label = $("[data-change-count]");
    if (!label) return;
    label.textContent = total ? `${total} unsaved change${total === 1 ? "" : "s"}` : "Unsaved changes";
    $("[data-change-words]").textContent = words.length ? `${words.join(", ")}.` : "";
  }

  for (const type of ["input", "change", "octo:changed"]) {
    on(type, "#vars tr[data-open-row]", (row, event) => {
      if (event.target.matches("[role=combobox]")) return;
      if (!row.matches(".add")) row.classList.add("chg");
      count();
    });
  }
  each(count);

  // Discarding is what the link says, so there is nothing to ask.
  on("click", "a[data-discard]", () => {
    const form = $("#variables-form");
    if (form) delete form.dataset.guard;
  });

  // A link to one variable fills the filter.
  each(() => {
    const filter = $("[data-filter-rows]");
    if (!filter || filter.dataset.ready) return;
    filter.dataset.ready = "1";
    if (filter.value) filter.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
