import { FormatError } from "../errors/index.ts";

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|-?\d[\d.eE+-]*/g;
const COUNT = /^(0|[1-9]\d*)$/;

/**
 * JSON.parse for files from strangers: refuses a name that occurs twice in one object, which JSON.parse hides by keeping the last.
 *
 * @param what - what the text is, for messages
 * @param countsOnly - refuse numbers that are not written as plain counts, too: JSON.parse reads 1.0 and 1e0 as 1. @defaultValue false
 * @throws FormatError
 */
export function parseStrict(text: string, what: string, countsOnly = false): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${what} is not JSON`, {
      details: [cause instanceof Error ? cause.message : String(cause)],
      cause,
    });
  }
  checkTokens(text, what, countsOnly);
  return value;
}

/** Walks the tokens of text that is known to be JSON. */
function checkTokens(text: string, what: string, countsOnly: boolean): void {
  // One entry an open bracket: the names seen so far in an object, undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  let wantsName = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const first = token[0] as string;
    if (first === "{" || first === "[") open.push(first === "{" ? new Set() : undefined);
    else if (first === "}" || first === "]") open.pop();
    else if (first === '"' && wantsName) noteName(open.at(-1), JSON.parse(token) as string, what);
    else if (countsOnly && first !== '"' && first !== "," && first !== ":" && !COUNT.test(token)) {
      throw new FormatError(`${what} holds ${token.slice(0, 40)}, which is not a count`, {
        details: ["shapes and offsets are written in digits only"],
      });
    }
    wantsName = first === "{" || (first === "," && open.at(-1) !== undefined);
  }
}

function noteName(names: Set<string> | undefined, name: string, what: string): void {
  if (names?.has(name)) throw new FormatError(`${what} holds the name ${JSON.stringify(name.slice(0, 100))} twice`);
  names?.add(name);
}
