// The code editor: a thin wrapper around CodeMirror 6 that keeps a <textarea> as the source of truth.
// Built into static/ui/vendor/editor.js as the global `OctoEditor`; static/ui/js/code.js mounts it.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  StreamLanguage,
  syntaxHighlighting,
} from "@codemirror/language";
import { powerShell } from "@codemirror/legacy-modes/mode/powershell";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  MatchDecorator,
  rectangularSelection,
  ViewPlugin,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { completable, unknownIn, unknownTokens } from "./references.js";

/** A line-based mode in which `#{Name}` is a variable and does not start a comment. */
function withReferences(mode) {
  const token = (stream, state) => (stream.match(/^#\{[^{}]+\}/) ? "variableName" : mode.token(stream, state));
  return StreamLanguage.define({ ...mode, token });
}

const LANGUAGES = {
  bash: () => withReferences(shell),
  json: () => json(),
  powershell: () => withReferences(powerShell),
  python: () => python(),
  sql: () => sql({ dialect: PostgreSQL }),
  yaml: () => yaml(),
};

const color = (token) => ({ color: `var(--cm-${token})` });

// Colours are CSS custom properties, so light and dark follow the page without a second theme.
const HIGHLIGHT = HighlightStyle.define([
  { tag: tags.comment, ...color("comment"), fontStyle: "italic" },
  { tag: tags.meta, ...color("comment") },
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], ...color("keyword") },
  { tag: [tags.string, tags.special(tags.string)], ...color("string") },
  { tag: [tags.number, tags.bool, tags.null], ...color("number") },
  { tag: [tags.variableName, tags.propertyName], ...color("variable") },
  { tag: [tags.function(tags.variableName), tags.standard(tags.variableName)], ...color("function") },
  { tag: [tags.typeName, tags.className], ...color("type") },
  { tag: tags.operator, ...color("operator") },
]);

const REFERENCE = /#\{[^{}\n]+\}/g;

const KNOWN = Decoration.mark({ class: "cm-reference" });
const UNKNOWN = Decoration.mark({
  class: "cm-reference cm-unknown",
  attributes: { title: "No variable of this name is known here" },
});

/** Marks every `#{Name}` in the text, whatever the language, and underlines those that `names()` lacks. */
function referenceMarks(names) {
  const marks = (view) => {
    const known = names();
    const unknown = known.length ? unknownIn(view.state.doc.toString(), known) : () => false;
    const decoration = (match) => (unknown(match[0].slice(2, -1)) ? UNKNOWN : KNOWN);
    return new MatchDecorator({ regexp: REFERENCE, decoration }).createDeco(view);
  };
  return ViewPlugin.define(
    (view) => ({
      marks: marks(view),
      update(change) {
        if (change.docChanged || change.viewportChanged) this.marks = marks(change.view);
      },
    }),
    { decorations: (plugin) => plugin.marks },
  );
}

/** Completion source for `#{Name}` and for filters after its |; both are functions that return names. */
function referenceCompletions(names, filters) {
  return (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const found = completable(context.state.sliceDoc(line.from, context.pos));
    if (!found) return null;
    const from = line.from + found.from;
    if (found.kind === "filter") {
      return { from, options: filters().map((label) => ({ label, type: "function" })), validFor: /^\w*$/ };
    }
    const rest = context.state.sliceDoc(context.pos, context.pos + 1);
    const close = rest === "}" ? "" : "}";
    const options = names().map((name) => ({ label: name, type: "variable", apply: name + close }));
    return { from, options, validFor: /^[\w.\-[\]]*$/ };
  };
}

function labelOf(textarea) {
  const label = textarea.labels && textarea.labels[0];
  return textarea.getAttribute("aria-label") || (label ? label.textContent.trim() : "Code");
}

function language(name) {
  return (LANGUAGES[name] || LANGUAGES.bash)();
}

const none = () => [];

function extensions(textarea, options, languageSlot) {
  return [
    options.nonce ? EditorView.cspNonce.of(options.nonce) : [],
    lineNumbers(),
    foldGutter(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    dropCursor(),
    rectangularSelection(),
    EditorState.allowMultipleSelections.of(true),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    syntaxHighlighting(HIGHLIGHT),
    referenceMarks(options.variables || none),
    languageSlot.of(language(options.language)),
    EditorState.readOnly.of(Boolean(options.readOnly)),
    // Tab stays a way out of the editor for keyboard users; the label names it for screen readers.
    EditorView.contentAttributes.of({ "aria-label": labelOf(textarea), ...described(textarea) }),
    autocompletion({ override: [referenceCompletions(options.variables || none, options.filters || none)] }),
    keymap.of([
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...completionKeymap,
    ]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) copyBack(textarea, update.state);
    }),
  ];
}

function described(textarea) {
  const id = textarea.getAttribute("aria-describedby");
  return id ? { "aria-describedby": id } : {};
}

function copyBack(textarea, state) {
  textarea.value = state.doc.toString();
  textarea.dispatchEvent(new Event("input", { bubbles: true }));
}

/**
 * Puts an editor after `textarea`, hides it and keeps its value in step.
 * options: language, nonce, readOnly, variables: () => string[], filters: () => string[].
 * Returns { view, setLanguage(name), insert(text), destroy() }.
 */
export function mount(textarea, options = {}) {
  const languageSlot = new Compartment();
  const view = new EditorView({ doc: textarea.value, extensions: extensions(textarea, options, languageSlot) });
  textarea.hidden = true;
  textarea.after(view.dom);
  document.fonts?.ready.then(() => view.requestMeasure());
  return {
    view,
    setLanguage: (name) => view.dispatch({ effects: languageSlot.reconfigure(language(name)) }),
    insert(text) {
      view.dispatch(view.state.replaceSelection(text));
      view.focus();
    },
    destroy() {
      view.destroy();
      textarea.hidden = false;
    },
  };
}

export { completable, unknownTokens };
export const languages = Object.keys(LANGUAGES);
