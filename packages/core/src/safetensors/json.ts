import { FormatError } from "../errors/index.ts";

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|-?\d[\d.eE+-]*/g;
const COUNT = /^(0|[1-9]\d*)$/;

/**
 * JSON.parse for headers: refuses a name that occurs twice in one object, which JSON.parse hides by keeping the last, and numbers that are not
 * written as plain counts (it would read 1.0 and 1e0 as 1).
 *
 * @throws FormatError
 */
export function parseStrict(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError("readSafetensors: the header is not JSON", {
      details: [cause instanceof Error ? cause.message : String(cause)],
      cause,
    });
  }
  checkTokens(text);
  return value;
}

/** Walks the tokens of text that is known to be JSON. */
function checkTokens(text: string): void {
  // One entry an open bracket: the names seen so far in an object, undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  let wantsName = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const first = token[0] as string;
    if (first === "{" || first === "[") open.push(first === "{" ? new Set() : undefined);
    else if (first === "}" || first === "]") open.pop();
    else if (first === '"' && wantsName) noteName(open.at(-1), JSON.parse(token) as string);
    else if (first !== '"' && first !== "," && first !== ":" && !COUNT.test(token)) {
      throw new FormatError(`readSafetensors: ${token.slice(0, 40)} in the header is not a count`, {
        details: ["shapes and offsets are written in digits only"],
      });
    }
    wantsName = first === "{" || (first === "," && open.at(-1) !== undefined);
  }
}

function noteName(names: Set<string> | undefined, name: string): void {
  if (names?.has(name)) throw new FormatError(`readSafetensors: ${JSON.stringify(name)} occurs twice in the header`);
  names?.add(name);
}
