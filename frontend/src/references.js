// What `#{…}` in a text refers to, as far as a page can tell while somebody types. The server knows better and
// says so when the text is saved; this only marks what is certainly no name that it has.

const TOKEN = /#\{([^{}\n]+)\}/g;
const BLOCK = /^(?:\/|else\b|(?:if|unless|each|calc)\s)/i;
const PLAIN = /^[\p{L}\p{N}_ .:\-[\]]+$/u;
const OF_THE_RUN = ["octopus.action[", "octopus.step[", "octopus.deployment.error"];

/** The name in a token without its braces, in lower case; null for what is no plain name. */
function nameIn(token) {
  const name = token.split("|")[0].trim();
  return BLOCK.test(name) || !PLAIN.test(name) ? null : name.toLowerCase();
}

/** Names that a text gives itself: those of the items that it repeats over. */
function own(text) {
  return [...text.matchAll(/#\{\s*each\s+([\w.-]+)\s+in\s/gi)].map((match) => match[1].toLowerCase());
}

/** A test of tokens of `text`: whether one is no name of `names`, nor a part of what one of them holds. */
export function unknownIn(text, names) {
  const known = new Set([...names.map((name) => name.trim().toLowerCase()), ...own(text), "octopus.template.each"]);
  return (token) => {
    const name = nameIn(token);
    if (name === null || known.has(name) || OF_THE_RUN.some((start) => name.startsWith(start))) return false;
    return ![...name].some((char, at) => ".[:".includes(char) && known.has(name.slice(0, at)));
  };
}

/** The unknown tokens of a text, each once, without their braces. */
export function unknownTokens(text, names) {
  const unknown = unknownIn(text, names);
  return [...new Set([...text.matchAll(TOKEN)].map((match) => match[1].trim()).filter(unknown))];
}

/**
 * What can be completed before the end of `text`: { from, kind } with the position from which it is replaced
 * and "name" or "filter", or null.
 */
export function completable(text) {
  const filter = /#\{[^{}\n|]+\|(?:[^{}\n]*\|)?\s*(\w*)$/.exec(text);
  if (filter) return { from: text.length - filter[1].length, kind: "filter" };
  const name = /#\{([\w.\-[\]]*)$/.exec(text);
  return name ? { from: text.length - name[1].length, kind: "name" } : null;
}
