import type { KernelProfile } from "@dilated/core";

/** What was run: rows of one task by different runners are compared. */
export interface Task {
  readonly suite: "attention" | "dense" | "matmul" | "train" | "memory" | "scaling";
  readonly op: "dilated" | "dense" | "matmul" | "train";
  /** N tokens, or n of an n^3 product. */
  readonly size: number;
  readonly dtype: "f16" | "f32" | "mixed";
  readonly pass: "forward" | "forward+backward";
  readonly causal: boolean;
  /** Dense tasks whose mask is not told by `causal`: the last 1,024 tokens, or packed documents, both causal. */
  readonly mask?: "window" | "documents";
}

/** One measured line: who did what, how fast. Times in ms, medians; absent when it could not be done, and then `note` says why. */
export interface Row extends Partial<Task> {
  readonly what: string;
  readonly who: string;
  /** Best time known: the device's clock where it has one, else the wall. */
  readonly ms?: number;
  /** First launch to last on the device's clock. */
  readonly gpuMs?: number;
  /** As this process saw it, waiting for the device included. */
  readonly wallMs?: number;
  /** The first run: compilation and warm-up included, which is nearly all of it where a peer compiles. */
  readonly firstMs?: number;
  readonly runs?: number;
  readonly gflops?: number;
  /** Share of the card's datasheet peak, where that is known. */
  readonly utilisation?: number;
  readonly tokensPerSecond?: number;
  /** Bytes of tensors alive at their highest. */
  readonly peakBytes?: number;
  /** Bytes by which the GPU's memory in use grew, as its driver counts. */
  readonly processBytes?: number;
  /** Largest difference from the reference, before timing; see `errors` for which. */
  readonly error?: number;
  /** Errors by tensor, relative to the largest value of the reference. */
  readonly errors?: Readonly<Record<string, number>>;
  /** Loss of each training step. */
  readonly losses?: readonly number[];
  /** One more run, launch by launch: which kernel took how long. */
  readonly kernels?: readonly KernelProfile[];
  /** FlexAttention: what building a block mask took, before attention and not in `ms`. */
  readonly maskMs?: number;
  readonly note?: string;
}

/** What tells tasks apart, as text. */
export function taskKey({ op, size, dtype, pass, causal, mask }: Partial<Task>): string {
  return [op, size, dtype, pass, mask ?? (causal ? "causal" : "full")].join(" ");
}

/** A task for people: `dilated f16 forward, causal, N = 8,192`. */
export function describeTask({ op, size, dtype, pass, causal, mask }: Task): string {
  if (op === "matmul") return `matmul ${dtype} ${size}^3`;
  const what = op === "train" ? `training step, 12 layers, 768 wide, ${dtype}` : `${op} ${dtype} ${pass}`;
  const kept = mask ?? (causal && op !== "train" ? "causal" : undefined);
  return `${what}${kept ? `, ${kept}` : ""}, N = ${size.toLocaleString("en")}`;
}
