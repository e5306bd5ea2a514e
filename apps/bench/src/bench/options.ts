import { parseArgs } from "node:util";
import { ConfigError, type OpenDeviceOptions } from "@dilated/core";
import { VARIANTS, type VariantName } from "./gpu/variants.ts";
import { unknownName } from "./nearest.ts";

export const SUITES = ["tune", "attention", "dense", "matmul", "train", "memory", "scaling"] as const;
export type Suite = (typeof SUITES)[number];

/** A report shows what everybody gets, so it does not tune. */
export const REPORTED: readonly Suite[] = SUITES.filter((suite) => suite !== "tune");

export interface BenchOptions {
  readonly suites: readonly Suite[];
  /** Nothing is run: results of earlier runs become one. */
  readonly merge?: readonly string[];
  readonly backend: NonNullable<OpenDeviceOptions["backend"]>;
  readonly tier: OpenDeviceOptions["tier"];
  /** GPU: the sets of switches to time. */
  readonly variants: readonly VariantName[];
  readonly json: string | undefined;
  readonly html: string | undefined;
  /** Training text. */
  readonly text: string | undefined;
  /** Sizes to run: N for attention and train, n for matmul; undefined takes the suite's own. */
  readonly sizes: readonly number[] | undefined;
  /** Time the other libraries too. */
  readonly peers: boolean;
  readonly quick: boolean;
  /** Seconds after which no further task starts. */
  readonly budget: number;
}

export const USAGE: string = `npm run bench -- merge FILE... --json FILE [--html FILE]
npm run bench -- report|${SUITES.join("|")}... [--suites LIST] [--json FILE] [--html FILE] [--quick] [--budget SECONDS]
  [--backend auto|wasm|webgpu] [--tier matrix|vector|baseline] [--variants default,fast] [--sizes N,N,...]
  [--text FILE] [--no-peers]`;

const BACKENDS = ["auto", "wasm", "webgpu"] as const;
const TIERS = ["matrix", "vector", "baseline"] as const;
const VARIANT_NAMES = Object.keys(VARIANTS) as VariantName[];

/** @throws ConfigError that lists every bad flag. */
export function parseBench(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args);
  const details: string[] = [];
  /** Each of `given`, if known. */
  const known = <T extends string>(what: string, given: readonly string[], names: readonly T[]): T[] => {
    const bad = given.filter((name) => !names.includes(name as T));
    for (const name of bad) details.push(unknownName(what, name, names));
    return given.filter((name): name is T => names.includes(name as T));
  };
  const [verb, ...files] = positionals;
  const report = verb === "report";
  const merging = verb === "merge";
  if (merging && files.length === 0) details.push("merge takes the files that --json wrote");
  if (merging && values.json === undefined) details.push("merge needs --json FILE, for the result");
  if (positionals.length === 0) details.push(`no suite: known are report, merge, ${SUITES.join(", ")}`);
  if (report && positionals.length > 1) details.push("report takes its suites from --suites");
  const listed = merging ? [] : report ? (values.suites?.split(",") ?? REPORTED) : positionals;
  const suites = known("suite", listed, SUITES);
  const [backend = "auto"] = known("--backend", [values.backend ?? "auto"], BACKENDS);
  const [tier] = known("--tier", values.tier === undefined ? [] : [values.tier], TIERS);
  const variants = known("--variants", values.variants?.split(",") ?? VARIANT_NAMES, VARIANT_NAMES);
  const sizes = values.sizes?.split(",").map(Number);
  if (sizes?.some((size) => !(Number.isSafeInteger(size) && size >= 64)))
    details.push(`--sizes ${values.sizes}: integers of at least 64`);
  const budget = Number(values.budget ?? Number.POSITIVE_INFINITY);
  if (!(budget > 0)) details.push(`--budget ${values.budget}: seconds above 0`);
  if (details.length > 0) throw new ConfigError("bench: the options are not valid", { details, fix: USAGE });
  const { json, text, quick = false } = values;
  const html = values.html ?? (report ? "bench-report.html" : undefined);
  const peers = !values["no-peers"];
  return {
    ...(merging ? { merge: files } : {}),
    suites,
    backend,
    tier,
    variants,
    json,
    html,
    text,
    sizes,
    peers,
    quick,
    budget,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const named = { backend: text, tier: text, variants: text, json: text, html: text, text, sizes: text, suites: text };
  const options = { ...named, budget: text, quick: flag, "no-peers": flag } as const;
  const flags = Object.keys(options);
  const unknown = args.flatMap((arg) => {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    return name === undefined || flags.includes(name) ? [] : [unknownName("flag", name, flags, "--")];
  });
  if (unknown.length > 0) throw new ConfigError("bench: the options are not valid", { details: unknown, fix: USAGE });
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (cause) {
    throw new ConfigError(`bench: ${cause instanceof Error ? cause.message : String(cause)}`, { cause, fix: USAGE });
  }
}
