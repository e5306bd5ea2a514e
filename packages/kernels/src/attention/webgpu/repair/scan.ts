import { defineKernel, type KernelDefinition } from "@dilated/core";
import source from "./scan.wgsl";

/** Invocations of a workgroup. */
export const SCAN_THREADS = 256;

type Scalar = "quads_q" | "quads_k" | "quads_v" | "step" | "limit" | "repair_at" | "repair_call";

/** Writes `repair_call` to word `repair_at` of `plan` where an element of q, k or v has a magnitude of at least `limit`, the bits of an f32; see scan.wgsl. */
export const attentionScan: KernelDefinition<"q" | "k" | "v" | "plan", Scalar> = defineKernel({
  name: "attention_scan",
  tensors: {
    q: { access: "read", view: "vec4" },
    k: { access: "read", view: "vec4" },
    v: { access: "read", view: "vec4" },
    plan: { access: "read_write", view: "raw", dtype: "u32" },
  },
  scalars: {
    /** Groups of four elements. */
    quads_q: "u32",
    quads_k: "u32",
    quads_v: "u32",
    /** Invocations of the launch. */
    step: "u32",
    limit: "u32",
    repair_at: "u32",
    repair_call: "u32",
  },
  wgsl: { source },
});
