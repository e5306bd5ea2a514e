import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { FormatError } from "../errors/index.ts";

const NUMBER = /-?\d[\d.eE+-]*/y;
const COUNT = /^(0|[1-9]\d*)$/;
const DEEPEST = 100;
const QUOTE = 0x22;

const ARGUMENTS = { text: field.string(), what: field.string(), countsOnly: field.optional(field.boolean()) };

/**
 * JSON.parse for files from strangers: refuses a name that occurs twice in one object, which JSON.parse hides by keeping the last.
 *
 * @param what - what the text is, for messages
 * @param countsOnly - refuse numbers that are not written as plain counts, too: JSON.parse reads 1.0 and 1e0 as 1. @defaultValue false
 * @throws FormatError
 */
export function parseStrict(text: string, what: string, countsOnly = false): unknown {
  checkCall("parseStrict", ARGUMENTS, arguments);
  checkTokens(text, what, countsOnly); // first: JSON.parse takes seconds for millions of brackets
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${what} is not JSON`, {
      details: [cause instanceof Error ? cause.message : String(cause)],
      cause,
    });
  }
}

/** Names seen in an object: none, one, or more. */
interface Names {
  first?: string;
  all?: Set<string>;
}

/** Walks the tokens of what may be JSON, by characters: a regular expression for strings overflows its stack on long ones. */
function checkTokens(text: string, what: string, countsOnly: boolean): void {
  // One entry an open bracket: undefined for an array.
  const open: (Names | undefined)[] = [];
  let wantsName = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (wantsName) noteName(open.at(-1), text.slice(at, end + 1), what);
      wantsName = false;
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      open.push(code === 0x7b ? {} : undefined);
      wantsName = code === 0x7b;
      if (open.length > DEEPEST) throw new FormatError(`${what} is nested more than ${DEEPEST} deep`);
    } else if (code === 0x7d || code === 0x5d) open.pop();
    else if (code === 0x2c) wantsName = open.at(-1) !== undefined;
    else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      NUMBER.lastIndex = at;
      const number = NUMBER.exec(text)?.[0] ?? text.charAt(at);
      at += number.length - 1;
      if (countsOnly && !COUNT.test(number)) {
        throw new FormatError(`${what} holds ${number.slice(0, 40)}, which is not a count`, {
          details: ["shapes and offsets are written in digits only"],
        });
      }
    }
  }
}

/** The closing quote of the string that begins at `at`: the first one behind an even number of backslashes. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end > 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === 0x5c) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

function noteName(names: Names | undefined, token: string, what: string): void {
  const name = token.includes("\\") ? unescaped(token) : token.slice(1, -1);
  if (!names) return; // it is not JSON
  if (names.first === undefined) {
    names.first = name;
    return;
  }
  names.all ??= new Set([names.first]);
  if (names.all.has(name)) throw new FormatError(`${what} holds the name ${JSON.stringify(name.slice(0, 100))} twice`);
  names.all.add(name);
}

function unescaped(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    return token; // JSON.parse is going to refuse the whole
  }
}
