import { checkConfig, type Device, field, formatShape } from "@dilated/core";
import type { AttentionOperands } from "../../attention/engine.ts";
import { deviceCall } from "../../attention/op/call.ts";
import { geometricBranches } from "../../attention/pattern/branches.ts";
import { type Branch, type ResolvedAttention, resolveAttentionOptions } from "../../attention/pattern/options.ts";
import { webgpuEngine } from "../../attention/webgpu/engine.ts";
import type { PreparedWorkload, TuneWorkload } from "../workload.ts";

/** A call of `dilatedAttention` to tune for. What is found holds for its head width D; the other sizes say what it is timed with. */
export interface AttentionWorkload {
  /** Of q: `[B, N, H, D]`. */
  readonly shape: readonly number[];
  /** Heads G of k and v. @defaultValue H */
  readonly keyHeads?: number | undefined;
  /** @defaultValue the geometric ladder from 2,048 tokens to N */
  readonly branches?: readonly Branch[] | undefined;
  /** @defaultValue false */
  readonly causal?: boolean | undefined;
  /** @defaultValue f16 on matrix units, f32 elsewhere */
  readonly dtype?: "f16" | "f32" | undefined;
  /** Tune the two kernels of backward, too. @defaultValue true */
  readonly backward?: boolean | undefined;
}

const schema = {
  shape: field.list(field.positiveInteger(), 4),
  keyHeads: field.optional(field.positiveInteger()),
  branches: field.optional(
    field.list(
      field.custom<Branch>("a branch", (value) => typeof value === "object"),
      1,
    ),
  ),
  causal: field.withDefault(field.boolean(), false),
  dtype: field.optional(field.oneOf(["f16", "f32"] as const)),
  backward: field.withDefault(field.boolean(), true),
} satisfies Record<keyof AttentionWorkload, field.Field<unknown>>;

type Pass = "forward" | "dQ" | "dK, dV";

/** One workload a kernel, so that a variant is timed with as little besides as possible. */
export function attentionWorkloads(device: Device, given: AttentionWorkload): TuneWorkload[] {
  const { shape, keyHeads, branches, causal, dtype, backward } = checkConfig("tune: attention", schema, given);
  const [B = 0, N = 0, H = 0, D = 0] = shape;
  const kv = [B, N, keyHeads ?? H, D];
  const resolved = resolveAttentionOptions(
    "tune",
    { q: shape, k: kv, v: kv },
    { branches: branches ?? geometricBranches({ from: Math.min(2048, N), to: N }), causal },
  );
  const type = dtype ?? (device.info.tier === "matrix" ? "f16" : "f32");
  const passes: readonly Pass[] = backward ? ["forward", "dQ", "dK, dV"] : ["forward"];
  return passes.map((pass) => ({
    name: `attention ${pass} ${type} ${formatShape(shape)}${causal ? " causal" : ""}`,
    prepare: (on) => prepare(on, resolved, type, pass),
  }));
}

function prepare(device: Device, resolved: ResolvedAttention, dtype: "f16" | "f32", pass: Pass): PreparedWorkload {
  const { B, N, H, G, D } = resolved;
  const random = (heads: number, seed: number) => device.randomNormal([B, N, heads, D], { seed, dtype, label: "tune" });
  const [q, k, v] = [random(H, 1), random(G, 2), random(G, 3)];
  const operands: AttentionOperands = { q, k, v, mask: undefined };
  const call = deviceCall(device, resolved);
  if (pass === "forward") return { operands: { q, k, v }, run: () => ({ ...webgpuEngine.forward(operands, call) }) };
  const { out, lse } = webgpuEngine.forward(operands, call);
  const dout = random(H, 4);
  const pull = { out, lse, dout, dlse: undefined, needsQuery: pass === "dQ", needsKey: pass !== "dQ" };
  return {
    operands: { q, k, v, out, lse, dout },
    run: () => {
      const grads = Object.entries(webgpuEngine.backward(operands, pull, call));
      return Object.fromEntries(grads.flatMap(([name, grad]) => (grad ? [[name, grad]] : [])));
    },
  };
}
