import { parseArgs } from "node:util";
import { ConfigError } from "@dilated/core";

/** What the command line asks for. */
export interface Options {
  readonly steps: number | undefined;
  readonly seq: number;
  readonly dim: number | undefined;
  readonly layers: number | undefined;
  readonly backend: "auto" | "webgpu" | "wasm";
  readonly seed: number;
  readonly accumulate: number;
  readonly precision: "f32" | "mixed";
  readonly ema: number | undefined;
  readonly evaluate: number | undefined;
  readonly json: string | undefined;
  readonly metrics: string | undefined;
  /** Port, 0 for a free one; undefined without a page. */
  readonly plot: number | undefined;
  readonly checkpoint: string | undefined;
  readonly resume: boolean;
}

export const USAGE = `Trains a byte-level LongNet language model on Moby Dick and writes text.

  npm start -- [options]

  --steps N        training steps (default: 240 on the CPU, 600 on a GPU)
  --seq N          context length in bytes, at least 16 (default: 4096)
  --dim N          model width, a multiple of 16 (default: 96 on the CPU, 256 on a GPU)
  --layers N       decoder layers (default: 3 on the CPU, 6 on a GPU)
  --backend B      auto, webgpu or wasm (default: auto)
  --seed N         seed of weights, windows and sample (default: 1)
  --accumulate N   windows a step, one after another (default: 1)
  --precision P    f32, or mixed: f16 with a scaled loss (default: f32)
  --ema D          keep averaged weights, decay D from 0 to below 1, say 0.99; the sample is theirs
  --evaluate N     held-out bits a byte every N steps, too (default: before and after)
  --json FILE      write the result as JSON
  --metrics FILE   write a line of JSON a step
  --plot [PORT]    charts that follow the run, on http://127.0.0.1:PORT (default: a free port), and report.html at the end
  --checkpoint DIR save the run there, every 25 steps, at the end, and on Ctrl-C
  --resume         go on from the checkpoint in DIR
  --help           this text`;

/** @throws ConfigError that lists every bad flag. */
export function parseOptions(args: readonly string[]): Options | "help" {
  const { values } = parse(args);
  if (values.help) return "help";
  const problems: string[] = [];
  const whole = (name: string, text: string | undefined, least: number, unit = 1): number | undefined => {
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!(Number.isSafeInteger(value) && value >= least && value % unit === 0)) {
      problems.push(`--${name} ${text}: not an integer of at least ${least}${unit > 1 ? `, multiple of ${unit}` : ""}`);
    }
    return value;
  };
  const { backend = "auto", precision = "f32", json, metrics, checkpoint, resume = false } = values;
  const options = {
    steps: whole("steps", values.steps, 0),
    seq: whole("seq", values.seq, 16) ?? 4096,
    dim: whole("dim", values.dim, 16, 16),
    layers: whole("layers", values.layers, 1),
    seed: whole("seed", values.seed, 0) ?? 1,
    accumulate: whole("accumulate", values.accumulate, 1) ?? 1,
    ema: values.ema === undefined ? undefined : Number(values.ema),
    evaluate: whole("evaluate", values.evaluate, 1),
    json,
    metrics,
    plot: whole("plot", values.plot, 0),
    checkpoint,
    resume,
  };
  if (backend !== "auto" && backend !== "webgpu" && backend !== "wasm")
    problems.push(`--backend ${backend}: known are auto, webgpu, wasm`);
  if (precision !== "f32" && precision !== "mixed") problems.push(`--precision ${precision}: known are f32, mixed`);
  if (options.ema !== undefined && !(options.ema >= 0 && options.ema < 1))
    problems.push(`--ema ${values.ema}: not a number from 0 to below 1`);
  if (options.plot !== undefined && options.plot > 65535) problems.push(`--plot ${values.plot}: ports end at 65535`);
  if (resume && checkpoint === undefined) problems.push("--resume: needs --checkpoint DIR to resume from");
  if (problems.length > 0)
    throw new ConfigError("book-lm: the options are not valid", { details: problems, fix: "see npm start -- --help" });
  return { ...options, backend: backend as Options["backend"], precision: precision as Options["precision"] };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    steps: text,
    seq: text,
    dim: text,
    layers: text,
    backend: text,
    seed: text,
    accumulate: text,
    precision: text,
    ema: text,
    evaluate: text,
    json: text,
    metrics: text,
    plot: text,
    checkpoint: text,
    resume: flag,
    help: flag,
  };
  try {
    return parseArgs({ args: withPort(args), options, allowPositionals: false });
  } catch (cause) {
    throw new ConfigError(`book-lm: ${cause instanceof Error ? cause.message : String(cause)}`, {
      fix: "see npm start -- --help",
      cause,
    });
  }
}

/** `--plot` may stand alone: then any free port will do. */
function withPort(args: readonly string[]): string[] {
  return args.map((arg, i) => (arg === "--plot" && /^(--.*)?$/.test(args[i + 1] ?? "") ? "--plot=0" : arg));
}
