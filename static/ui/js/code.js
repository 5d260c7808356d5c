// Mounts the code editor on <textarea data-editor="bash">. Link vendor/editor.js before this, on pages that edit code.
//   data-editor-language="#id"   a <select> whose value is the language
//   data-editor-variables="#id"  a <script type="application/json"> with the names offered after #{
//   data-editor-filters="#id"    the same with the names of filters, offered after |
//   data-editor-readonly
(() => {
  "use strict";
  const { $, $$, each, on } = window.Octo;
  const mounted = new WeakMap();
  const nonce = $('meta[name="csp-nonce"]')?.content;

  function listed(selector) {
    const source = selector && $(selector);
    return source ? JSON.parse(source.textContent) : [];
  }

  function mount(textarea) {
    const select = textarea.dataset.editorLanguage && $(textarea.dataset.editorLanguage);
    // Read once: they are asked for at every key.
    const variables = listed(textarea.dataset.editorVariables);
    const filters = listed(textarea.dataset.editorFilters);
    const editor = window.OctoEditor.mount(textarea, {
      language: select ? select.value.toLowerCase() : textarea.dataset.editor,
      nonce,
      readOnly: "editorReadonly" in textarea.dataset,
      variables: () => variables,
      filters: () => filters,
    });
    // So that the scrolling box can be reached by keyboard where the text is read-only.
    editor.view.contentDOM.tabIndex = 0;
    mounted.set(textarea, editor);
    select?.addEventListener("change", () => editor.setLanguage(select.value.toLowerCase()));
    // Discard puts the text of the server back into the textarea; the editor follows.
    textarea.form?.addEventListener("reset", () => setTimeout(() => replace(editor, textarea.value)));
  }

  function replace(editor, text) {
    const { view } = editor;
    if (view.state.doc.toString() === text) return;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  }

  each(() => {
    for (const textarea of $$("textarea[data-editor]")) if (!mounted.has(textarea)) mount(textarea);
  });

  // <button data-editor-insert="#textarea" data-text="#{Name}"> and <button data-editor-full>.
  on("click", "[data-editor-insert]", (button) => {
    mounted.get($(button.dataset.editorInsert))?.insert(button.dataset.text);
  });
  on("click", "[data-editor-full]", (button) => {
    const full = button.closest(".code").classList.toggle("full");
    button.setAttribute("aria-pressed", String(full));
  });
  document.addEventListener("keydown", (event) => {
    const full = event.key === "Escape" && $(".code.full");
    if (!full || event.defaultPrevented) return;
    full.classList.remove("full");
    $("[data-editor-full]", full)?.setAttribute("aria-pressed", "false");
  });

  window.OctoCode = { editorOf: (textarea) => mounted.get(textarea) };
})();
