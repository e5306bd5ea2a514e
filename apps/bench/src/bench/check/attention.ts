import type { Device, Tensor } from "@dilated/core";
import { resolvePattern } from "@dilated/kernels/reference";
import type { AttentionCase, Operands, Results } from "../gpu/operands.ts";
import { blockTokens, HEAD_DIM } from "../gpu/patterns.ts";
import { readBlock, readLse } from "./block.ts";
import { type HeadData, keyRow, queryRow } from "./row-reference.ts";

/** Largest error of each tensor over the sampled rows, relative to the largest value of the reference there. */
export type Errors = Readonly<Partial<Record<"out" | "lse" | "dq" | "dk" | "dv", number>>>;

/** Allowed relative errors: rounding of f16 operands, weights and results, and of sums in f32. */
export const TOLERANCE: Readonly<Record<"f16" | "f32", Readonly<Required<Errors>>>> = {
  f16: { out: 5e-3, lse: 1e-3, dq: 1e-2, dk: 1e-2, dv: 5e-3 },
  f32: { out: 2e-5, lse: 1e-5, dq: 1e-4, dk: 1e-4, dv: 1e-4 },
};

const ROWS = 8;
const KEYS = 3;

/**
 * Compares sampled rows with the definition in float64: out, lse and dq from the operands alone, dk and dv with the device's out and lse. Looks into the first,
 * the last and a middle stretch of tokens, a few heads each.
 */
export async function checkAttention(
  device: Device,
  operands: Operands,
  results: Results,
  run: AttentionCase,
): Promise<Errors> {
  const { N, H, branches, causal, cuSeqlens } = run;
  const length = blockTokens(N, branches);
  const pattern = {
    ...resolvePattern("bench", { N: length, H }, { branches, causal }),
    ...(cuSeqlens && { cuSeqlens }),
  };
  const worst = new Worst();
  const blocks = Math.ceil(N / length);
  for (const block of new Set([0, Math.floor(blocks / 2), blocks - 1])) {
    const start = block * length;
    if (start + length > N) continue; // a short last stretch has another pattern
    const heads = block === 0 ? [0, H - 1] : [block % H];
    for (const [h, data, gradients] of await readHeads(device, operands, results, heads, start, length)) {
      for (let i = 0; i < ROWS; i++) checkQuery(worst, data, gradients, pattern, h, sampleRow(i, ROWS, length));
      if (data.dout)
        for (let i = 0; i < KEYS; i++)
          checkKey(worst, { ...data, dout: data.dout }, gradients, pattern, h, sampleRow(i, KEYS, length));
    }
  }
  return worst.errors();
}

/** The errors that are over their tolerance, as text; undefined when all is well. */
export function verdict(errors: Errors, dtype: "f16" | "f32"): string | undefined {
  const bad = Object.entries(errors).filter(
    ([name, error]) => !(error <= TOLERANCE[dtype][name as keyof Errors]), // NaN is bad
  );
  return bad.length === 0
    ? undefined
    : bad.map(([name, error]) => `${name} off by ${error.toExponential(1)}`).join(", ");
}

type Gradients = Readonly<Partial<Record<"dq" | "dk" | "dv", Float32Array>>>;

async function readHeads(
  device: Device,
  operands: Operands,
  results: Results,
  heads: readonly number[],
  start: number,
  length: number,
): Promise<[number, HeadData, Gradients][]> {
  const { lse, ...rows } = { ...operands, ...results };
  const read = await Promise.all(
    Object.entries(rows as Record<string, Tensor | undefined>).flatMap(([name, tensor]) =>
      tensor ? [readBlock(device, tensor, start, length).then((block) => [name, block] as const)] : [],
    ),
  );
  return Promise.all(
    [...new Set(heads)].map(async (h) => {
      const of = Object.fromEntries(read.map(([name, block]) => [name, block.head(h)]));
      const data = { ...of, D: HEAD_DIM, lse: await readLse(device, lse, h, start, length) };
      return [h, data as unknown as HeadData, of as Gradients] as [number, HeadData, Gradients];
    }),
  );
}

/** The last row first, then spread out over residues of every dilation. */
function sampleRow(i: number, count: number, length: number): number {
  return i === 0 ? length - 1 : (Math.floor((i * length) / count) + ((i * 7) % 16)) % length;
}

function checkQuery(
  worst: Worst,
  data: HeadData,
  { dq }: Gradients,
  ...at: [Parameters<typeof queryRow>[1], number, number]
): void {
  const exact = queryRow(data, ...at);
  const t = at[2];
  worst.compare("out", data.out, t * data.D, exact.out);
  worst.compare("lse", data.lse, t, [exact.lse]);
  if (dq && exact.dq) worst.compare("dq", dq, t * data.D, exact.dq);
}

function checkKey(
  worst: Worst,
  data: Parameters<typeof keyRow>[0],
  { dk, dv }: Gradients,
  ...at: [Parameters<typeof keyRow>[1], number, number]
): void {
  if (!dk || !dv) return;
  const exact = keyRow(data, ...at);
  worst.compare("dk", dk, at[2] * data.D, exact.dk);
  worst.compare("dv", dv, at[2] * data.D, exact.dv);
}

/** Largest differences and largest reference values, by tensor. */
class Worst {
  readonly #seen = new Map<string, { difference: number; largest: number }>();

  compare(name: string, actual: Float32Array, at: number, exact: ArrayLike<number>): void {
    const seen = this.#seen.get(name) ?? { difference: 0, largest: 0 };
    for (let i = 0; i < exact.length; i++) {
      const value = exact[i] as number;
      seen.difference = Math.max(seen.difference, Math.abs((actual[at + i] as number) - value)); // NaN wins
      seen.largest = Math.max(seen.largest, Math.abs(value));
    }
    this.#seen.set(name, seen);
  }

  errors(): Errors {
    return Object.fromEntries([...this.#seen].map(([name, { difference, largest }]) => [name, difference / largest]));
  }
}
