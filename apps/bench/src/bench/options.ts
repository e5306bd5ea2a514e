import { parseArgs } from "node:util";
import { ConfigError, type OpenDeviceOptions } from "@dilated/core";

export const SUITES = ["attention", "matmul", "train"] as const;

export interface BenchOptions {
  readonly suite: (typeof SUITES)[number];
  readonly backend: NonNullable<OpenDeviceOptions["backend"]>;
  readonly json: string | undefined;
  /** Sizes to run: N for attention and train, n for matmul; undefined takes the suite's own. */
  readonly sizes: readonly number[] | undefined;
  /** Time the other libraries too. */
  readonly peers: boolean;
}

export const USAGE: string = `npm run bench -- ${SUITES.join("|")} [--backend auto|wasm|webgpu] [--sizes N,N,...] [--json FILE] [--no-peers]`;

const BACKENDS = ["auto", "wasm", "webgpu"] as const;

/** @throws ConfigError that lists every bad flag. */
export function parseBench(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args);
  const suite = SUITES.find((known) => known === positionals[0]);
  const backend = BACKENDS.find((known) => known === (values.backend ?? "auto"));
  const sizes = values.sizes?.split(",").map(Number);
  const details = [
    ...(suite && positionals.length === 1
      ? []
      : [`suite ${positionals.join(" ") || "(none)"}: known are ${SUITES.join(", ")}`]),
    ...(backend ? [] : [`--backend ${values.backend}: known are ${BACKENDS.join(", ")}`]),
    ...(sizes?.some((size) => !(Number.isSafeInteger(size) && size >= 64))
      ? [`--sizes ${values.sizes}: integers of at least 64`]
      : []),
  ];
  if (!suite || !backend || details.length > 0)
    throw new ConfigError("bench: the options are not valid", { details, fix: USAGE });
  return { suite, backend, json: values.json, sizes, peers: !values["no-peers"] };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = { backend: text, json: text, sizes: text, "no-peers": { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (cause) {
    throw new ConfigError(`bench: ${cause instanceof Error ? cause.message : String(cause)}`, { cause, fix: USAGE });
  }
}
