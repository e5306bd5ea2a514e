import { defineKernel, type KernelDefinition } from "@dilated/core";
import { kernelsModule as module } from "../wasm/module.ts";
import adamw from "./adamw.wgsl";
import clip from "./clip.wgsl";
import norm from "./norm.wgsl";
import scale from "./scale.wgsl";
import sgd from "./sgd.wgsl";
import squareSum from "./square-sum.wgsl";

const VEC4_IN_PLACE = { access: "read_write", view: "vec4" } as const;
const VEC4_IN = { access: "read", view: "vec4" } as const;
const SCALAR_IN = { access: "read", view: "scalar" } as const;
const SCALAR_OUT = { access: "write", view: "scalar" } as const;
/** Optional copy of the parameters in the dtype that the model computes with. */
const COPY = { access: "write", view: "vec4", optional: true } as const;
const SCALE = { access: "read", view: "scalar", optional: true } as const;

export const adamWKernel: KernelDefinition<
  "param" | "grad" | "m" | "v" | "scale" | "copy",
  "quads" | "beta1" | "fresh1" | "beta2" | "fresh2" | "keep" | "rate" | "root" | "eps"
> = defineKernel({
  name: "adamWStep",
  tensors: { param: VEC4_IN_PLACE, grad: VEC4_IN, m: VEC4_IN_PLACE, v: VEC4_IN_PLACE, scale: SCALE, copy: COPY },
  scalars: {
    quads: "u32",
    beta1: "f32",
    fresh1: "f32",
    beta2: "f32",
    fresh2: "f32",
    keep: "f32",
    rate: "f32",
    root: "f32",
    eps: "f32",
  },
  wgsl: { source: adamw },
  wasm: { module, entry: "adamWStep" },
});

export const sgdKernel: KernelDefinition<
  "param" | "grad" | "velocity" | "scale" | "copy",
  "quads" | "nesterov" | "rate" | "momentum" | "decay"
> = defineKernel({
  name: "sgdStep",
  tensors: {
    param: VEC4_IN_PLACE,
    grad: VEC4_IN,
    velocity: { ...VEC4_IN_PLACE, optional: true },
    scale: SCALE,
    copy: COPY,
  },
  scalars: { quads: "u32", nesterov: "u32", rate: "f32", momentum: "f32", decay: "f32" },
  wgsl: { source: sgd },
  wasm: { module, entry: "sgdStep" },
});

export const squareSumKernel: KernelDefinition<"x" | "partial" | "table", "elements" | "first" | "entry"> =
  defineKernel({
    name: "squareSum",
    tensors: { x: VEC4_IN, partial: SCALAR_OUT, table: { ...SCALAR_IN, dtype: "u32", optional: true } },
    scalars: { elements: "u32", first: "u32", entry: "u32" },
    wgsl: { source: squareSum },
    wasm: { module, entry: "squareSum" },
  });

export const normKernel: KernelDefinition<"partial" | "norm", "count"> = defineKernel({
  name: "norm",
  tensors: { partial: SCALAR_IN, norm: SCALAR_OUT },
  scalars: { count: "u32" },
  wgsl: { source: norm },
  wasm: { module, entry: "normOfPartials" },
});

export const clipKernel: KernelDefinition<"norm" | "scale", "most"> = defineKernel({
  name: "clipScale",
  tensors: { norm: SCALAR_IN, scale: SCALAR_OUT },
  scalars: { most: "f32" },
  wgsl: { source: clip },
  wasm: { module, entry: "clipScale" },
});

export const scaleKernel: KernelDefinition<"x" | "scale" | "y", "quads"> = defineKernel({
  name: "scaleByTensor",
  tensors: { x: VEC4_IN, scale: SCALAR_IN, y: { access: "write", view: "vec4" } },
  scalars: { quads: "u32" },
  wgsl: { source: scale },
  wasm: { module, entry: "scaleByTensor" },
});
