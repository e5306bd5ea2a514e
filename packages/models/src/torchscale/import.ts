import { type Device, FormatError, f16ToF32, type Tensor, treeEntries } from "@dilated/core";
import { BUILDERS, type ModelByKind, type ModelKind, type OptionsByKind } from "../registry.ts";
import { isDerived, POSITION_OFFSET, torchscaleName } from "./names.ts";
import { reportTable, type StateProblem } from "./report.ts";
import { isTied } from "./tied.ts";

/** One array of a state dict. Data of dtype f16 are raw half-precision words. */
export interface StateTensor {
  readonly dtype?: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** A state dict: arrays by their PyTorch names. What `readSafetensors` calls `tensors` is one. */
export type StateDict = ReadonlyMap<string, StateTensor>;

/** What {@link fromTorchscale} is told. */
export interface FromTorchscaleOptions<K extends ModelKind> {
  readonly kind: K;
  /** Our configuration; `torchscaleConfig` makes one from torchscale's arguments. Offsets and padding are torchscale's unless it says otherwise. */
  readonly config: OptionsByKind[K];
  /**
   * What an array is called there, for dicts of a wrapper around the model; undefined leaves it out. For LongViT:
   * `(name) => name.replace(/^model\./, "").replace(/^fc_norm/, "norm")`. @defaultValue the name as it is
   */
  readonly rename?: (name: string) => string | undefined;
  /** `"ignore"` leaves out arrays that the model has no use for. @defaultValue "error" */
  readonly unexpected?: "error" | "ignore";
}

/** How torchscale's weights were trained: block offsets, and zero keys in the softmax. */
export const TORCHSCALE_COMPATIBILITY = { headOffset: "block", remainder: "zeroPad", xposScaleBase: 512 } as const;

/**
 * A model with the weights of a torchscale LongNet or Prov-GigaPath state dict. Numbers agree with the original's; its gradient is the exact one
 * unless the configuration says `gradient: "detached"`, as torchscale trains.
 *
 * @throws FormatError with a table of every missing, unexpected or misshapen array; ConfigError for the configuration.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel, fromTorchscale, toTorchscale } from "@dilated/models";
 * using device = await openDevice();
 * const config = { dim: 16, layers: 1, heads: 2, branches: [{ segment: 8, dilation: 1 }] };
 * const state = await toTorchscale(createModel(device, { kind: "longnet-encoder", ...config }));
 * console.log([...state.keys()][2]); // layers.0.self_attn.q_proj.weight
 * const encoder = fromTorchscale(device, state, { kind: "longnet-encoder", config });
 * ```
 */
export function fromTorchscale<K extends ModelKind>(
  device: Device,
  state: StateDict,
  options: FromTorchscaleOptions<K>,
): ModelByKind[K] {
  const { kind, rename = (name: string) => name, unexpected = "error" } = options;
  const model = BUILDERS[kind](device, compatible(kind, options.config), undefined);
  const given = new Map<string, StateTensor>();
  for (const [name, array] of state) {
    const renamed = rename(name);
    if (renamed !== undefined) given.set(renamed, array);
  }
  const problems: StateProblem[] = [];
  for (const { name, tensor, skip } of torchscaleEntries(model)) {
    const array = given.get(name);
    given.delete(name);
    const problem = array ? fill(tensor, array, skip) : "missing";
    if (problem) problems.push({ name, problem, expected: shapeWith(tensor, skip) });
  }
  for (const name of given.keys()) {
    if (unexpected === "error" && !isDerived(name) && !(isTied(model) && /(^|\.)output_projection\.weight$/.test(name)))
      problems.push({ name, problem: "unexpected" });
  }
  if (problems.length === 0) return model;
  model.dispose();
  throw new FormatError(`fromTorchscale: the state dict does not hold this ${kind}`, {
    details: reportTable(problems),
    fix: 'correct the configuration, or pass rename, or unexpected: "ignore"',
  });
}

/** A parameter under its PyTorch name; `skip` rows of the original come before it. */
export interface TorchscaleEntry {
  readonly name: string;
  readonly tensor: Tensor;
  readonly skip: number;
}

/** Every parameter of a model (or of a tree of its shape, such as its gradients) under its PyTorch name. */
export function torchscaleEntries(model: {
  readonly kind: ModelKind;
  readonly parameters: unknown;
}): TorchscaleEntry[] {
  return treeEntries(model.parameters).map(([ours, tensor]) => {
    const skip = /(^|\.)positions$/.test(ours) ? POSITION_OFFSET : 0;
    return { name: torchscaleName(model.kind, ours), tensor, skip };
  });
}

function compatible<K extends ModelKind>(kind: K, config: OptionsByKind[K]): OptionsByKind[K] {
  if (kind !== "longnet") return { ...TORCHSCALE_COMPATIBILITY, ...config };
  const { encoder, decoder, ...rest } = config as OptionsByKind["longnet"];
  const both: OptionsByKind["longnet"] = {
    ...rest,
    encoder: { ...TORCHSCALE_COMPATIBILITY, ...encoder },
    decoder: { ...TORCHSCALE_COMPATIBILITY, ...decoder },
  };
  return both as OptionsByKind[K];
}

/** Writes an array into a tensor of as many elements; says what is wrong when it does not fit. */
function fill(tensor: Tensor, array: StateTensor, skip: number): string | undefined {
  const { shape, data } = array;
  const width = tensor.shape.at(-1) ?? 1;
  const size = shape.reduce((product, axis) => product * axis, 1);
  // A convolution over patches is a matrix, and tables may have an axis of one sample in front.
  const same = shape[0] === (tensor.shape[0] ?? 0) + skip || shape[0] === 1;
  if (!same || size !== tensor.size + skip * width) return `is [${shape.join(", ")}]`;
  if (data.length !== size) return `holds ${data.length} values`;
  const values = array.dtype === "f16" ? f16ToF32(Uint16Array.from(data)) : data;
  tensor.device.write(tensor, skip === 0 ? values : Array.prototype.slice.call(values, skip * width));
  return undefined;
}

function shapeWith({ shape }: Tensor, skip: number): readonly number[] {
  return [(shape[0] ?? 0) + skip, ...shape.slice(1)];
}
