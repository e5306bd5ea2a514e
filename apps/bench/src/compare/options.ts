import { parseArgs } from "node:util";

/** `--only REGEXP`, `--rounds N` (at least 5), `--json FILE`. */
export function options(args: readonly string[]): { only?: RegExp; rounds: number; json?: string } {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ args: [...args], options: { only: text, rounds: text, json: text } });
  const rounds = Number(values.rounds ?? 7);
  if (!(Number.isSafeInteger(rounds) && rounds >= 5))
    throw new Error(`--rounds ${values.rounds}: an integer of at least 5`);
  return {
    rounds,
    ...(values.only === undefined ? {} : { only: new RegExp(values.only) }),
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}
