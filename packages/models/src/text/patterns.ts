import { FormatError } from "@dilated/core";

/** Parts of a tokenizer.json that hold regular expressions; vocabulary and merges, which may be long, do not. */
const PARTS = ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const;
const DEEPEST = 50;
const LONGEST = 10_000;

/**
 * Refuses regular expressions that repeat what is itself repeated, optional or one of several: `(a+)+` takes time
 * exponential in the length of a text. Others take more time than they should, too, but not that much.
 *
 * @throws FormatError that quotes the expression.
 */
export function checkPatterns(json: object): void {
  for (const part of PARTS) visit((json as Record<string, unknown>)[part], part, DEEPEST);
}

function visit(value: unknown, path: string, left: number): void {
  if (typeof value !== "object" || value === null) return;
  if (left === 0) throw bad(`${path} is nested more than ${DEEPEST} deep`, "");
  for (const [key, entry] of Object.entries(value)) {
    if (key === "Regex" && typeof entry === "string") check(entry, path);
    else visit(entry, `${path}.${key}`, left - 1);
  }
}

function check(pattern: string, path: string): void {
  if (pattern.length > LONGEST)
    throw bad(`the regular expression at ${path} has ${pattern.length} characters`, pattern);
  if (repeatsChoices(pattern)) throw bad(`a regular expression at ${path} can take exponential time`, pattern);
}

/** Escapes and classes, which are one character; what opens a group; numbers of repetitions; and single characters. */
const TOKEN =
  /\\[pP]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!>]|<[=!]|<\w+>|[a-z-]+[:)]))?|\{\d+(?:,\d*)?\}|./gsu;
const MANY = /^(?:[*+]|\{\d+,\}|\{(?:\d*,)?\d{2,}\})$/;
const VARIES = /^(?:[*+?]|\{\d+,\d*\})$/;

/** True where a group that can match one text in several ways is repeated many times. */
export function repeatsChoices(pattern: string): boolean {
  // Of each open group: can it match in several ways?
  const open: boolean[] = [false];
  let closed = false; // by the group that ends just before
  const vary = (): void => {
    open[open.length - 1] = true;
  };
  for (const [token] of pattern.matchAll(TOKEN)) {
    if (MANY.test(token) && closed) return true;
    if (VARIES.test(token) || token === "|") vary();
    if (token.startsWith("(") && !token.endsWith(")")) open.push(false);
    closed = token === ")" && open.length > 1 && (open.pop() as boolean);
    if (closed) vary();
  }
  return false;
}

function bad(what: string, pattern: string): FormatError {
  return new FormatError(`loadTokenizer: ${what}`, {
    details: [pattern.slice(0, 200)],
    fix: "use the tokenizer.json of somebody you trust, with trusted: true",
  });
}
