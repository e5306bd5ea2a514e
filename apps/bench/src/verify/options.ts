import { parseArgs } from "node:util";
import { ConfigError, type OpenDeviceOptions } from "@dilated/core";

export interface VerifyOptions {
  readonly backend: NonNullable<OpenDeviceOptions["backend"]>;
  readonly tier: NonNullable<OpenDeviceOptions["tier"]> | undefined;
  readonly dtype: "f32" | "f16";
  readonly robustness: boolean;
  /** Random cases beside the table. */
  readonly count: number;
  readonly seed: number;
  /** Head dims of the random cases. */
  readonly D: readonly number[];
  /** Most tokens of the random cases. */
  readonly N: number;
}

const USAGE = `npm run verify -- [--backend auto|webgpu|wasm] [--tier baseline|vector|matrix] [--dtype f32|f16]
  [--robustness on|off] [--count 200] [--seed 1] [--dims 8,16,64] [--tokens 96]`;

/** @throws ConfigError for unknown flags and values */
export function parseVerify(args: readonly string[]): VerifyOptions {
  const values = parse(args);
  const wrong: string[] = [];
  const pick = <T extends string>(name: string, given: string | undefined, known: readonly T[]): T | undefined => {
    if (given !== undefined && !known.includes(given as T))
      wrong.push(`--${name} ${given}: known are ${known.join(", ")}`);
    return given as T | undefined;
  };
  const whole = (name: string, given: string | undefined, standard: number): number => {
    const value = Number(given ?? standard);
    if (!Number.isSafeInteger(value) || value < 0) wrong.push(`--${name} ${given}: a whole number`);
    return value;
  };
  const options = {
    backend: pick("backend", values.backend, ["auto", "webgpu", "wasm"] as const) ?? "auto",
    tier: pick("tier", values.tier, ["baseline", "vector", "matrix"] as const),
    dtype: pick("dtype", values.dtype, ["f32", "f16"] as const) ?? "f32",
    robustness: pick("robustness", values.robustness, ["on", "off"] as const) !== "off",
    count: whole("count", values.count, 200),
    seed: whole("seed", values.seed, 1),
    D: (values.dims ?? "8,16,64").split(",").map((dim) => whole("dims", dim, 0)),
    N: whole("tokens", values.tokens, 96),
  };
  if (wrong.length > 0) throw new ConfigError("verify: the options are not valid", { details: wrong, fix: USAGE });
  return options;
}

function parse(args: readonly string[]) {
  const names = ["backend", "tier", "dtype", "robustness", "count", "seed", "dims", "tokens"] as const;
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    const { values } = parseArgs({ args: [...args], options });
    return values as Partial<Record<(typeof names)[number], string>>;
  } catch (cause) {
    throw new ConfigError(`verify: ${cause instanceof Error ? cause.message : String(cause)}`, { cause, fix: USAGE });
  }
}
