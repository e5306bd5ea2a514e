import { defineKernel, type KernelDefinition, type ScalarType, type TensorSlot } from "@dilated/core";
import look from "./look.wgsl";
import source from "./scan.wgsl";

/** Invocations of a workgroup. */
export const SCAN_THREADS = 256;

/** What a kernel that includes look.wgsl writes `mark_call` to, at word `mark_at`. */
export const MARK: TensorSlot = { access: "read_write", view: "raw", dtype: "u32" };

/** Scalars of a kernel that includes look.wgsl. */
export const LOOK_SCALARS: Readonly<Record<LookScalar, ScalarType>> = {
  /** Chunks of the bound windows of q, k and v; 0 of each: the launch does not look. */
  look_q: "u32",
  look_k: "u32",
  look_v: "u32",
  /** Workgroups that share them. */
  look_groups: "u32",
  /**
   * Bits of the least magnitude, as f32, that is not to be trusted. Where halves are looked at in pairs, what brings
   * the top bit to each of a pair that is not.
   */
  limit: "u32",
  mark_at: "u32",
  mark_call: "u32",
};

export type LookScalar = "look_q" | "look_k" | "look_v" | "look_groups" | "limit" | "mark_at" | "mark_call";

/** Looks at q, k and v, in chunks of four elements, where no kernel that reads them anyway does it. */
export const attentionScan: KernelDefinition<"q" | "k" | "v" | "mark", LookScalar> = defineKernel({
  name: "attention_scan",
  tensors: {
    q: { access: "read", view: "vec4" },
    k: { access: "read", view: "vec4" },
    v: { access: "read", view: "vec4" },
    mark: MARK,
  },
  scalars: LOOK_SCALARS,
  wgsl: { source: `${look}\n${source}` },
});
