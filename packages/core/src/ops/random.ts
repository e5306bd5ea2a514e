import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import type { Device } from "../device/device.ts";
import { ConfigError, DtypeError } from "../errors/index.ts";
import { defineKernel } from "../kernel/define.ts";
import type { KernelDefinition } from "../kernel/definition.ts";
import normalSource from "../random/normal.wgsl";
import { normalTable } from "../random/normal-table.ts";
import { RANDOM_DOMAINS, seedKey, UNIFORM_DOMAIN } from "../random/seeds.ts";
import uniformSource from "../random/uniform.wgsl";
import { philoxWgsl } from "../random/wgsl.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { castInto } from "./cast.ts";
import { coreModule } from "./module.ts";
import { flatLaunch, forEachWindow } from "./windows.ts";

/**
 * Which random numbers. Element i of a tensor is made of word i mod 4 of Philox4x32-10 at counter (i / 4 low, i / 4
 * high, stream, domain) under the seed as key: a function of these alone, so a tensor is the same on every backend and
 * however it is computed. The domain is `RANDOM_DOMAINS[domain]` for normal samples, and 2^16 more for uniform ones:
 * the two share no words.
 */
export interface RandomOptions {
  /** A non-negative safe integer. */
  readonly seed: number;
  /** Independent sequences under one seed: u32. @defaultValue 0 */
  readonly stream?: number | undefined;
  /**
   * What the numbers are for: those of different domains have nothing to do with each other, whatever seed and stream.
   * The initial weights of models are of "weights". @defaultValue "tensor"
   */
  readonly domain?: "tensor" | "weights" | undefined;
  /** Mean of normal samples. @defaultValue 0 */
  readonly mean?: number | undefined;
  /** Standard deviation of normal samples. @defaultValue 1 */
  readonly std?: number | undefined;
}

export const RANDOM_OPTIONS: field.FieldsOf<RandomOptions> = {
  seed: field.nonNegativeInteger(),
  stream: field.optional(field.nonNegativeInteger(2 ** 32 - 1)),
  domain: field.optional(field.oneOf(["tensor", "weights"])),
  mean: field.optional(field.number()),
  std: field.optional(field.number(0)),
};

const ARGUMENTS = { into: field.tensor(), options: field.options<RandomOptions>(RANDOM_OPTIONS) };

type Words = "seedLow" | "seedHigh" | "stream" | "domain";
type Scalars = Words | "first" | "firstHigh" | "quads";
const scalars = {
  seedLow: "u32",
  seedHigh: "u32",
  stream: "u32",
  domain: "u32",
  /** Groups of four elements ahead of this launch, a multiple of 4. */
  first: "u32",
  firstHigh: "u32",
  quads: "u32",
} as const;

/** For tests: users call {@link randomUniform}. */
export const uniformKernel: KernelDefinition<"y", Scalars> = defineKernel({
  name: "random_uniform",
  tensors: { y: { access: "write", view: "vec4", dtype: "f32" } },
  scalars,
  wgsl: { source: philoxWgsl + uniformSource },
  wasm: { module: coreModule, entry: "randomUniform" },
});

/** For tests: users call {@link randomNormal}. */
export const normalKernel: KernelDefinition<"table" | "y", Scalars | "mean" | "scale"> = defineKernel({
  name: "random_normal",
  tensors: {
    table: { access: "read", view: "scalar", dtype: "i32" },
    y: { access: "write", view: "vec4", dtype: "f32" },
  },
  scalars: { ...scalars, mean: "f32", scale: "f32" },
  wgsl: { source: philoxWgsl + normalSource },
  wasm: { module: coreModule, entry: "randomNormal" },
});

/** Elements of an f16 tensor made at a time: samples are made in f32 and rounded by `cast`. */
const HALF_PIECE = 2 ** 22;

/** Overwrites a tensor (f32 or f16) with uniform samples in [0, 1), multiples of 2^-24; f16 may round up to 1. Returns the tensor. */
export function randomUniform(into: Tensor, options: RandomOptions): Tensor {
  const { domain, ...words } = checkRandom("randomUniform", into, options, arguments);
  if (options.mean !== undefined || options.std !== undefined)
    throw new ConfigError("randomUniform: mean and std are for normal samples", { fix: "leave them out" });
  return generate(into, (y, first, quads) => {
    into.device.run(uniformKernel, {
      tensors: { y },
      scalars: { ...words, domain: domain + UNIFORM_DOMAIN, ...quadsAhead(first), quads },
      ...flatLaunch(quads),
      scratchBytes: 64,
    });
  });
}

/**
 * Overwrites a tensor (f32 or f16) with normal samples: quantiles of one word each, |z| <= 6.34, from a table (error below 2e-5). Returns the tensor.
 * The bits are the same on every backend for mean 0 and std 1; scaling is one multiplication and then one addition, which a GPU may fuse.
 */
export function randomNormal(into: Tensor, options: RandomOptions): Tensor {
  const words = checkRandom("randomNormal", into, options, arguments);
  const { device } = into;
  const { mean = 0, std = 1 } = options;
  const table = tableOf(device);
  return generate(into, (y, first, quads) => {
    device.run(normalKernel, {
      tensors: { table, y },
      scalars: { ...words, ...quadsAhead(first), quads, mean, scale: std },
      ...flatLaunch(quads),
      scratchBytes: 64,
    });
  });
}

/** A tensor of more than 2^34 elements has more groups than u32 counts. */
function quadsAhead(first: number): { first: number; firstHigh: number } {
  return { first: first >>> 0, firstHigh: Math.floor(first / 2 ** 32) };
}

type Launch = (
  y: Tensor | { tensor: Tensor; offset: number; length: number },
  firstQuad: number,
  quads: number,
) => void;

function generate(into: Tensor, launch: Launch): Tensor {
  if (into.dtype === "f32") {
    forEachWindow(into.device, [into], ({ of, offset, quads }) => launch(of(into), offset / 4, quads));
    return into;
  }
  const { device } = into;
  for (let offset = 0; offset < into.size; offset += HALF_PIECE) {
    const length = Math.min(HALF_PIECE, into.size - offset);
    using samples = device.empty([length], { label: "random samples" });
    using halves = device.empty([length], { dtype: "f16", label: "random samples" });
    forEachWindow(device, [samples], (window) =>
      launch(window.of(samples), (offset + window.offset) / 4, window.quads),
    );
    castInto(samples, halves);
    device.copy(halves, into, { to: offset });
  }
  return into;
}

function checkRandom(
  caller: string,
  into: Tensor,
  options: RandomOptions,
  given: ArrayLike<unknown>,
): Record<Words, number> {
  checkCall(caller, ARGUMENTS, given);
  if (into.dtype !== "f32" && into.dtype !== "f16")
    throw new DtypeError(`${caller}: into must be f32 or f16, not ${into.dtype}`, {
      fix: 'make an f32 tensor and cast(x, "i32")',
    });
  const { seed, stream = 0, domain = "tensor" } = options;
  const [seedLow, seedHigh] = seedKey(seed);
  return { seedLow, seedHigh, stream, domain: RANDOM_DOMAINS[domain] };
}

const tables = new WeakMap<Device, Tensor>();

/** The table of quantiles on a device: uploaded once, 8 KiB, and kept as long as the device. */
function tableOf(device: Device): Tensor {
  const present = tables.get(device);
  if (present) return present;
  const values = normalTable();
  using scoped = device.tensor(values, [values.length], { dtype: "i32", label: "normal table" });
  const table = scoped.detachedAlias(); // belongs to no scope
  tables.set(device, table);
  return table;
}
