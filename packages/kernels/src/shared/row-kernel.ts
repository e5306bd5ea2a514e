import { type Device, defineKernel, type KernelDefinition, type Tensor, type TensorArgument } from "@dilated/core";
import { forEachBlock } from "./blocks.ts";
import { rowLanes } from "./launch.ts";
import type { Rows } from "./rows.ts";
import helpers from "./rows.wgsl";
import { launch } from "./run.ts";

/**
 * A kernel with one workgroup (or work item) a row, for any width. The `aligned` variant loads vec4s; where rows do not start at multiples of
 * four elements, `any` goes through single elements. One body serves both, by these accessors for every vec4 tensor `x` of the definition:
 * `row_x(row, q) -> vec4f` (group q of the row, zeros behind its end), `set_x(row, q, v)`, and `inside(q) -> vec4<bool>`.
 */
export interface RowKernel<T extends string, P extends string> {
  readonly aligned: KernelDefinition<T, P>;
  readonly any: KernelDefinition<T, P>;
}

/** Makes both variants from the aligned one; the body needs a scalar `width` and the constant `LANES`. Tensors of one value a row are `scalar`. */
export function defineRowKernel<T extends string, P extends string>(
  definition: KernelDefinition<T, P>,
): RowKernel<T, P> {
  const slots = Object.entries(definition.tensors) as [T, KernelDefinition<T, P>["tensors"][T]][];
  const rows = slots.filter(([, slot]) => slot.view === "vec4");
  const body = definition.wgsl?.source ?? "";
  const source = (aligned: boolean) =>
    [
      helpers,
      inside(aligned),
      ...rows.map(([name, { access }]) => accessor(name, access === "read", aligned)),
      body,
    ].join("\n");
  const tensors = Object.fromEntries(
    slots.map(([name, slot]) => [name, { ...slot, view: "scalar" }]),
  ) as unknown as typeof definition.tensors;
  return {
    aligned: defineKernel({ ...definition, wgsl: { source: source(true) } }),
    any: defineKernel({ ...definition, name: `${definition.name}_any`, tensors, wgsl: { source: source(false) } }),
  };
}

/** How a row kernel is run. */
export interface RowCall<T extends string, P extends string> {
  /** Tensors of [rows, width]. */
  readonly rows: Readonly<Partial<Record<T, Tensor | undefined>>>;
  /** Tensors of one value a row. */
  readonly stats?: Readonly<Partial<Record<T, Tensor | undefined>>>;
  /** Tensors that every row sees whole. */
  readonly shared?: Readonly<Partial<Record<T, Tensor | undefined>>>;
  readonly scalars: Readonly<Record<P, number>>;
  /** Constants of the WGSL body. @defaultValue LANES by the width */
  readonly constants?: Readonly<Record<string, number>>;
}

/** Runs a row kernel over windows of rows that fit a binding. */
export function runRows<T extends string, P extends string>(
  device: Device,
  kernel: RowKernel<T, P>,
  { rows, width }: Rows,
  call: RowCall<T, P>,
): void {
  const variant = width % 4 === 0 ? kernel.aligned : kernel.any;
  const wide = Object.entries<Tensor | undefined>(call.rows).map(([name, tensor]) => ({ name, tensor, unit: width }));
  const narrow = Object.entries<Tensor | undefined>(call.stats ?? {}).map(([name, tensor]) => ({
    name,
    tensor,
    unit: 1,
  }));
  const cut = [...wide, ...narrow];
  forEachBlock(
    kernel.aligned.name,
    device,
    rows,
    cut.map(({ tensor, unit }) => [tensor, unit] as const),
    ({ count, of }) => {
      const windows = Object.fromEntries(cut.map(({ name, tensor, unit }) => [name, of(tensor, unit)]));
      launch(device, variant, {
        tensors: { ...windows, ...call.shared } as Record<T, TensorArgument | undefined>,
        scalars: call.scalars,
        constants: { LANES: rowLanes(width), ...call.constants },
        groups: count,
        items: count,
      });
    },
  );
}

function inside(aligned: boolean): string {
  return `fn inside(q: u32) -> vec4<bool> { return ${aligned ? "vec4<bool>(true)" : "vec4u(4u * q) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.width)"}; }`;
}

function accessor(name: string, reads: boolean, aligned: boolean): string {
  const lanes = ["x", "y", "z", "w"];
  const [head, whole, single] = reads
    ? [
        `fn row_${name}(row: u32, q: u32) -> vec4f {`,
        `return load_${name}(row * (params.width / 4u) + q);`,
        (c: string, i: number) => `v.${c} = load_${name}(at + ${i}u);`,
      ]
    : [
        `fn set_${name}(row: u32, q: u32, v: vec4f) {`,
        `store_${name}(row * (params.width / 4u) + q, v);`,
        (c: string, i: number) => `store_${name}(at + ${i}u, v.${c});`,
      ];
  if (aligned) return `${head} ${whole} }`;
  const steps = lanes.map((c, i) => `  if (4u * q + ${i}u < params.width) { ${single(c, i)} }`);
  return [
    head,
    "  let at = row * params.width + 4u * q;",
    ...(reads ? ["  var v = vec4f();"] : []),
    ...steps,
    ...(reads ? ["  return v;"] : []),
    "}",
  ].join("\n");
}
