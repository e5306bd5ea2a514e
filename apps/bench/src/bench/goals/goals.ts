import type { Row, Task } from "../row.ts";

/** The task that a goal is about. */
export type Match = Partial<Task>;
/** Signs of rows by who made them. */
const FAST = /^dilated \(.*fast\)/;
const DEFAULT = /^dilated \(.*default\)/;
const OURS = /^dilated/;

/** A line of the "done when" list, as data. */
export type Goal = { readonly id: string; readonly text: string } & (
  | {
      readonly kind: "limit";
      readonly match: Match;
      readonly who: RegExp;
      readonly field: keyof Row;
      readonly scale: number;
      readonly unit: string;
      readonly atMost?: number;
      readonly atLeast?: number;
    }
  | { readonly kind: "faster"; readonly match: Match; readonly who: RegExp; readonly fromSize: number }
  | { readonly kind: "causal"; readonly match: Match; readonly who: RegExp; readonly atLeast: number }
  | {
      readonly kind: "flat";
      readonly match: Match;
      readonly who: RegExp;
      readonly from: number;
      readonly to: number;
      readonly within: number;
    }
  | { readonly kind: "falls"; readonly match: Match; readonly who: RegExp }
);

const forward = { op: "dilated", dtype: "f16", pass: "forward", causal: false } as const;
const both = { ...forward, pass: "forward+backward" } as const;
const atMillion = { suite: "attention", size: 1_048_576 } as const;
const ms = { field: "ms", scale: 1, unit: "ms" } as const;
const memory = { kind: "limit", field: "peakBytes", scale: 1e-9, unit: "GB" } as const;
const speed = { kind: "limit", field: "gflops", scale: 1e-3, unit: "TFLOP/s" } as const;
const product = { op: "matmul", size: 8_192 } as const;
const step = { op: "train", size: 32_768 } as const;

/** What the GPU should reach on one H100; the list that the report ends with. */
export const GOALS: readonly Goal[] = [
  {
    id: "1",
    text: "forward, f16, N = 131,072, the better switches",
    kind: "limit",
    match: { ...forward, suite: "attention", size: 131_072 },
    who: OURS,
    ...ms,
    atMost: 9.8,
  },
  {
    id: "1",
    text: "forward, f16, N = 1,048,576, the better switches",
    kind: "limit",
    match: { ...forward, ...atMillion },
    who: OURS,
    ...ms,
    atMost: 75,
  },
  {
    id: "1",
    text: "forward faster than PyTorch at every N from 8,192, default switches",
    kind: "faster",
    match: { ...forward, suite: "attention" },
    who: DEFAULT,
    fromSize: 8_192,
  },
  {
    id: "1",
    text: "causal forward at least 1.6 times faster than full, N = 1,048,576",
    kind: "causal",
    match: { ...forward, ...atMillion },
    who: DEFAULT,
    atLeast: 1.6,
  },
  {
    id: "2",
    text: "forward + backward faster than PyTorch at every N from 8,192, default switches",
    kind: "faster",
    match: { ...both, suite: "attention" },
    who: DEFAULT,
    fromSize: 8_192,
  },
  {
    id: "2",
    text: "forward + backward, f16, N = 1,048,576",
    kind: "limit",
    match: { ...both, ...atMillion },
    who: OURS,
    ...ms,
    atMost: 300,
  },
  {
    id: "3",
    text: "peak tensor memory, forward, N = 1,048,576",
    ...memory,
    match: { ...forward, size: 1_048_576 },
    who: OURS,
    atMost: 6.6,
  },
  {
    id: "3",
    text: "peak tensor memory, forward + backward, N = 1,048,576",
    ...memory,
    match: { ...both, size: 1_048_576 },
    who: OURS,
    atMost: 13.5,
  },
  {
    id: "4",
    text: "f16 matmul 8192^3, fast switches",
    ...speed,
    match: { ...product, dtype: "f16" },
    who: FAST,
    atLeast: 300,
  },
  {
    id: "4",
    text: "f16 matmul 8192^3, default switches",
    ...speed,
    match: { ...product, dtype: "f16" },
    who: DEFAULT,
    atLeast: 200,
  },
  { id: "4", text: "f32 matmul 8192^3", ...speed, match: { ...product, dtype: "f32" }, who: OURS, atLeast: 35 },
  {
    id: "4",
    text: "f32 dilated attention forward",
    ...speed,
    match: { ...forward, dtype: "f32" },
    who: OURS,
    atLeast: 25,
  },
  {
    id: "5",
    text: "time of a token flat from N = 131,072 to 4,194,304",
    kind: "flat",
    match: { ...forward, suite: "scaling" },
    who: OURS,
    from: 131_072,
    to: 4_194_304,
    within: 0.15,
  },
  {
    id: "5",
    text: "forward over 16,777,216 tokens, result checked",
    kind: "limit",
    match: { ...forward, suite: "scaling", size: 16_777_216 },
    who: OURS,
    field: "error",
    scale: 1,
    unit: "relative error",
    atMost: 5e-3,
  },
  { id: "6", text: "12-layer training step at 32,768 tokens: the loss falls", kind: "falls", match: step, who: OURS },
  { id: "6", text: "training step faster than PyTorch eager", kind: "faster", match: step, who: OURS, fromSize: 0 },
];
