import {
  BYTES,
  type Device,
  type DType,
  defineKernel,
  type KernelDefinition,
  LimitError,
  type Shape,
  type Tensor,
  type TensorArgument,
} from "@dilated/core";
import { FLAT_LANES } from "../shared/launch.ts";
import { settle } from "../shared/rows.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./move.wgsl";

/** One axis of what is moved: how many places, and how far apart they are in the one tensor and in the other. */
export interface MoveAxis {
  readonly n: number;
  readonly from: number;
  readonly to: number;
}

/** Elements that are moved: a grid of places, outermost axis first, and where its first place lies in both tensors. */
export interface Move {
  readonly x: Tensor;
  readonly axes: readonly MoveAxis[];
  readonly from?: number;
  readonly to?: number;
}

/** Axes that a move may have once those that lie one behind the other are one. */
const MOST_AXES = 6;
/** Window offsets that are multiples of this many elements are aligned in every dtype. */
const ALIGN = 128;
/** Elements of one WebAssembly work item; MOVE_ITEM of assembly/move.ts. */
const ITEM = 4096;

type Digit = 0 | 1 | 2 | 3 | 4 | 5;
type MoveScalar = "count" | "width" | "from_first" | "to_first" | `${"n" | "from" | "to"}${Digit}`;

/**
 * `quad` moves four neighbours at once, in any dtype; `any` single elements, which WGSL cannot write f16 by. In
 * WebAssembly both are one.
 */
export const moveKernels: Readonly<Record<"quad" | "any", KernelDefinition<"x" | "y", MoveScalar>>> = {
  quad: moveKernel("move", "vec4"),
  any: moveKernel("move_any", "scalar"),
};

function moveKernel(name: string, view: "vec4" | "scalar"): KernelDefinition<"x" | "y", MoveScalar> {
  const digits = Array.from({ length: MOST_AXES }, (_, i) => i);
  const numbers = [
    "count",
    "width",
    "from_first",
    "to_first",
    ...digits.map((i) => `n${i}`),
    ...digits.map((i) => `from${i}`),
    ...digits.map((i) => `to${i}`),
  ];
  return defineKernel({
    name,
    tensors: { x: { access: "read", view }, y: { access: "write", view } },
    scalars: Object.fromEntries(numbers.map((each) => [each, "u32"])) as Record<MoveScalar, "u32">,
    wgsl: { source },
    wasm: { module: kernelsModule, entry: "moveElements" },
  });
}

/** What {@link assemble} makes. */
export interface Assembly {
  readonly device: Device;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly label: string;
  readonly moves: readonly Move[];
  /** What no move reaches is 0, not undefined. @defaultValue false */
  readonly zero?: boolean;
}

/**
 * A tensor put together from parts of others. WGSL cannot write single f16 elements: where these do not lie in groups
 * of four, the result is made in f32 first.
 */
export function assemble({ device, dtype, shape, label, moves, zero = false }: Assembly): Tensor {
  return device.scope(() => {
    const merged = moves.map((move) => ({ ...move, axes: mergeAxes(label, move.axes) }));
    const wide = dtype === "f16" && device.info.backend === "webgpu" && !merged.every(inFours);
    const options = { dtype: wide ? "f32" : dtype, label } as const;
    const y = zero ? device.zeros(shape, options) : device.empty(shape, options);
    for (const move of merged) moveInto(move, y);
    return settle(y, dtype);
  });
}

/** Without axes of one place, and with those that lie one behind the other in both tensors as one. */
function mergeAxes(caller: string, axes: readonly MoveAxis[]): readonly MoveAxis[] {
  const merged: MoveAxis[] = [];
  for (const axis of axes) {
    const outer = merged.at(-1);
    if (axis.n === 1) continue;
    if (outer && outer.from === axis.n * axis.from && outer.to === axis.n * axis.to) {
      merged[merged.length - 1] = { ...axis, n: outer.n * axis.n };
    } else merged.push(axis);
  }
  if (merged.length <= MOST_AXES) return merged;
  throw new LimitError(`${caller}: ${merged.length} axes that do not lie one behind the other`, {
    details: [`at most ${MOST_AXES}`],
    fix: "reshape axes that stay side by side into one, or go in several steps",
  });
}

/** Do all places lie in groups of four? */
function inFours({ axes, from = 0, to = 0 }: Move): boolean {
  const inner = axes.at(-1);
  if (inner?.from !== 1 || inner.to !== 1) return false;
  return [from, to, inner.n, ...axes.slice(0, -1).flatMap((axis) => [axis.from, axis.to])].every((n) => n % 4 === 0);
}

/** The elements from the first place to the last, in one of the tensors. */
function extent(axes: readonly MoveAxis[], side: "from" | "to"): number {
  return axes.reduce((sum, axis) => sum + (axis.n - 1) * axis[side], 1);
}

/** Queues a move into a tensor of the same dtype, in parts where a tensor is longer than a binding. */
export function moveInto(move: Move, y: Tensor): void {
  const { x, axes, from = 0, to = 0 } = move;
  if (axes.some(({ n }) => n === 0)) return;
  const source = windowOf(x, from, extent(axes, "from"));
  const target = windowOf(y, to, extent(axes, "to"));
  if (source && target) return launch(move, y, source, target);
  const side = source ? "to" : "from";
  const step = (axis: MoveAxis) => (axis.n > 1 ? axis[side] : 0);
  const cut = axes.reduce((most, axis, i) => (step(axis) > step(axes[most] as MoveAxis) ? i : most), 0);
  const long = axes[cut] as MoveAxis;
  // In groups of four where the axis is the innermost one, so that what could be moved by fours still can be.
  const half = long.n > 8 ? Math.ceil(long.n / 8) * 4 : Math.ceil(long.n / 2);
  const part = (n: number) => axes.map((axis, i) => (i === cut ? { ...axis, n } : axis));
  moveInto({ x, axes: part(half), from, to }, y);
  moveInto({ x, axes: part(long.n - half), from: from + half * long.from, to: to + half * long.to }, y);
}

/**
 * The part of a tensor that holds `count` elements from `first` on, and how many lie in front of it; undefined if no
 * binding does.
 */
function windowOf(
  tensor: Tensor,
  first: number,
  count: number,
): { argument: TensorArgument; first: number } | undefined {
  const most = tensor.device.limits.maxBindingBytes / BYTES[tensor.dtype];
  if (Math.ceil(tensor.size / 8) * 8 <= most) return { argument: tensor, first };
  const offset = Math.floor(first / ALIGN) * ALIGN;
  const length = Math.min(Math.ceil((first - offset + count) / 8) * 8, tensor.size - offset);
  return length <= most ? { argument: { tensor, offset, length }, first: first - offset } : undefined;
}

type Window = NonNullable<ReturnType<typeof windowOf>>;

function launch({ x, axes, from, to }: Move, y: Tensor, source: Window, target: Window): void {
  const { device } = x;
  const gpu = device.info.backend === "webgpu";
  const quad = gpu && inFours({ x, axes, from: from ?? 0, to: to ?? 0 });
  const unit = quad ? 4 : 1;
  const inward = [...axes].reverse();
  const of = (i: number): MoveAxis => {
    const axis = inward[i];
    if (!axis) return { n: 1, from: 0, to: 0 };
    return i === 0 ? { ...axis, n: axis.n / unit } : { n: axis.n, from: axis.from / unit, to: axis.to / unit };
  };
  const digits = [0, 1, 2, 3, 4, 5] as const;
  const scalars = Object.fromEntries(
    digits.flatMap((i) => [
      [`n${i}`, of(i).n],
      [`from${i}`, of(i).from],
      [`to${i}`, of(i).to],
    ]),
  );
  const count = digits.reduce<number>((product, i) => product * of(i).n, 1);
  device.run(moveKernels[gpu && !quad ? "any" : "quad"], {
    tensors: { x: source.argument, y: target.argument },
    scalars: {
      ...(scalars as Record<`${"n" | "from" | "to"}${Digit}`, number>),
      count,
      width: BYTES[y.dtype],
      from_first: source.first / unit,
      to_first: target.first / unit,
    },
    constants: { LANES: FLAT_LANES, RANK: Math.max(1, axes.length) },
    groups: Math.ceil(count / FLAT_LANES),
    items: Math.ceil(count / ITEM),
  });
}

/** Distance from one place of each axis to the next. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const n of [...shape].reverse()) {
    strides.unshift(stride);
    stride *= n;
  }
  return strides;
}
