import { type AbortSignalLike, checkConfig, type Device, field } from "@dilated/core";
import type { TuningStore } from "./store/store.ts";
import type { TuneWorkload } from "./workload.ts";
import { type AttentionWorkload, attentionWorkloads } from "./workloads/attention.ts";
import { type MatmulWorkload, matmulWorkloads } from "./workloads/matmul.ts";

/** Where tuning is. */
export interface TuneProgress {
  readonly workload: string;
  readonly key: string;
  /** The variant that is tried now. */
  readonly candidate: string;
  readonly elapsedMs: number;
  readonly budgetMs: number;
}

/** Options of {@link tune}. Where none of `attention`, `matmul` and `workloads` is given, shapes that are common in language models are tuned for. */
export interface TuneOptions {
  /** Attention calls to tune for: forward, dQ, and dK and dV, for their head width. @defaultValue D = 64 and 128 */
  readonly attention?: AttentionWorkload | readonly AttentionWorkload[] | undefined;
  /** Products to tune for. @defaultValue a square one, and a tall one with those of its gradient */
  readonly matmul?: MatmulWorkload | readonly MatmulWorkload[] | undefined;
  /** Work of yours whose kernels ask `tuned` for variants. */
  readonly workloads?: readonly TuneWorkload[] | undefined;
  /**
   * Milliseconds that all of it may take, compilation included. Tuning then ends with what it has; one candidate's run may go past it.
   * @defaultValue 10_000
   */
  readonly budgetMs?: number | undefined;
  /** Results are looked up here first, and what is missing is tuned and saved; see {@link tuningStore}. @defaultValue nothing is read or written */
  readonly store?: TuningStore | undefined;
  /** Tune also what is known already. @defaultValue false */
  readonly force?: boolean | undefined;
  /** Stops with AbortedError; keys that were finished stay chosen, and are saved. */
  readonly signal?: AbortSignalLike | undefined;
  /** Called before each candidate. */
  readonly onProgress?: ((progress: TuneProgress) => void) | undefined;
}

/** Of any class: what has a name for people, and these functions. */
const has =
  (name: string, ...functions: readonly string[]) =>
  (given: unknown) => {
    const value = (given ?? {}) as Readonly<Record<string, unknown>>;
    return typeof value[name] === "string" && functions.every((each) => typeof value[each] === "function");
  };

/** Where results are kept. */
export const STORE: field.Field<TuningStore> = field.custom(
  "a store with where, read() and write(), such as tuningStore() gives",
  has("where", "read", "write"),
);

const OBJECT = field.having({});
const OBJECTS: field.Field<unknown> = field.either(OBJECT, field.list(OBJECT), "an object or a list of objects");

const schema = {
  attention: field.optional(OBJECTS as field.Field<NonNullable<TuneOptions["attention"]>>),
  matmul: field.optional(OBJECTS as field.Field<NonNullable<TuneOptions["matmul"]>>),
  workloads: field.optional(
    field.list(field.custom<TuneWorkload>("a workload with name and prepare()", has("name", "prepare"))),
  ),
  budgetMs: field.withDefault(field.positive(), 10_000),
  store: field.optional(STORE),
  force: field.withDefault(field.boolean(), false),
  signal: field.optional(field.abortSignal()),
  onProgress: field.optional(field.func() as field.Field<(progress: TuneProgress) => void>),
} satisfies Record<keyof TuneOptions, field.Field<unknown>>;

/** {@link TuneOptions}, checked and filled in. */
export interface ResolvedTune {
  readonly workloads: readonly TuneWorkload[];
  readonly budgetMs: number;
  readonly store: TuningStore | undefined;
  readonly force: boolean;
  readonly signal: AbortSignalLike | undefined;
  readonly onProgress: TuneOptions["onProgress"];
}

/** @throws ConfigError that lists every bad option; ShapeError, LimitError and ConfigError for shapes that do not fit together */
export function resolveTune(device: Device, options: TuneOptions): ResolvedTune {
  const { attention, matmul, workloads, ...rest } = checkConfig("tune", schema, options);
  const none = attention === undefined && matmul === undefined && workloads === undefined;
  const calls = none ? [{ shape: [1, 8192, 8, 64] }, { shape: [1, 8192, 4, 128] }] : listOf(attention);
  const products = none ? DEFAULT_PRODUCTS : listOf(matmul);
  return {
    ...rest,
    workloads: [
      ...calls.flatMap((call) => attentionWorkloads(device, call as AttentionWorkload)),
      ...products.flatMap((product) => matmulWorkloads(device, product)),
      ...(workloads ?? []),
    ],
  };
}

const DEFAULT_PRODUCTS: readonly MatmulWorkload[] = [
  { m: 4096, n: 4096, k: 4096 },
  { m: 16_384, n: 3072, k: 768, transposeB: true, gradients: true },
];

function listOf<T extends object>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as T];
}
