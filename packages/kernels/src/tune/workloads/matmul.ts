import { checkConfig, type Device, field } from "@dilated/core";
import { matmul } from "../../matmul/matmul.ts";
import type { TuneWorkload } from "../workload.ts";

/** A product `op(a)·op(b)` of [m, k] and [k, n] to tune for; what is found holds for products of about these sizes. */
export interface MatmulWorkload {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Products of this shape at once. @defaultValue 1 */
  readonly batch?: number | undefined;
  /** a lies as [k, m]. @defaultValue false */
  readonly transposeA?: boolean | undefined;
  /** b lies as [n, k], as the weight of a dense layer does. @defaultValue false */
  readonly transposeB?: boolean | undefined;
  /** @defaultValue f16 on matrix units, f32 elsewhere */
  readonly dtype?: "f16" | "f32" | undefined;
  /** Tune the two products of its gradient, too. @defaultValue false */
  readonly gradients?: boolean | undefined;
}

const schema = {
  m: field.positiveInteger(),
  n: field.positiveInteger(),
  k: field.positiveInteger(),
  batch: field.withDefault(field.positiveInteger(), 1),
  transposeA: field.withDefault(field.boolean(), false),
  transposeB: field.withDefault(field.boolean(), false),
  dtype: field.optional(field.oneOf(["f16", "f32"] as const)),
  gradients: field.withDefault(field.boolean(), false),
} satisfies Record<keyof MatmulWorkload, field.Field<unknown>>;

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** The product and, where asked for, those of its gradient: see `matmul/op.ts`. */
export function matmulWorkloads(device: Device, given: MatmulWorkload): TuneWorkload[] {
  const { batch, dtype, gradients, ...product } = checkConfig("tune: matmul", schema, given);
  const { m, n, k, transposeA, transposeB } = product;
  const type = dtype ?? (device.info.tier === "matrix" ? "f16" : "f32");
  const gradA = transposeA
    ? { m: k, n: m, k: n, transposeA: transposeB, transposeB: true }
    : { m, n: k, k: n, transposeA: false, transposeB: !transposeB };
  const gradB = transposeB
    ? { m: n, n: k, k: m, transposeA: true, transposeB: transposeA }
    : { m: k, n, k: m, transposeA: !transposeA, transposeB: false };
  return (gradients ? [product, gradA, gradB] : [product]).map((each) => workload(each, batch, type));
}

function workload({ m, n, k, transposeA, transposeB }: Product, batch: number, dtype: "f16" | "f32"): TuneWorkload {
  const transposes = `${transposeA ? "t" : "n"}${transposeB ? "t" : "n"}`;
  const shaped = (rows: number, columns: number, swap: boolean) => [
    ...(batch === 1 ? [] : [batch]),
    ...(swap ? [columns, rows] : [rows, columns]),
  ];
  return {
    name: `matmul ${transposes} ${dtype} ${batch === 1 ? "" : `${batch} x `}${m} x ${n} x ${k}`,
    prepare: (device) => {
      const a = device.randomNormal(shaped(m, k, transposeA), { seed: 1, dtype, label: "tune" });
      const b = device.randomNormal(shaped(k, n, transposeB), { seed: 2, dtype, label: "tune" });
      return { operands: { a, b }, run: () => ({ c: matmul(a, b, { transposeA, transposeB }) }) };
    },
  };
}
