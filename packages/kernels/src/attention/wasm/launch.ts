import type { Device, Tensor } from "@dilated/core";
import { cachedFor, uploadTable } from "../../shared/device-cache.ts";
import type { AttentionCall, AttentionGradients, AttentionOperands, AttentionState } from "../engine.ts";
import type { CpuPass, Schedule } from "../schedule/schedule.ts";
import { attentionBackward, attentionForward, attentionRowDot } from "./kernels.ts";
import {
  attentionBackwardLayout,
  attentionForwardLayout,
  attentionRowDotLayout,
  BACKWARD_BLOCK_ROWS,
  DOT_TOKENS,
  FORWARD_CHUNK_ROWS,
} from "./layout.ts";

/** Gradients that are added to, f32: dk and dv both or none. */
export type Sums = AttentionGradients;

/** A pass whose tables are on the device. */
interface Pass {
  readonly pass: CpuPass;
  /** Entries of the table of chunks or blocks, for each pattern. */
  readonly count: number;
  readonly tables: readonly Tensor[];
}

/** All passes of a schedule, merged into `state`; f32. */
export function runForward(operands: AttentionOperands, call: AttentionCall, { out, lse }: AttentionState): void {
  const { device } = out;
  for (const { pass, count, tables } of forwardPasses(device, call.schedule)) {
    const [headPatterns, chunks, runs, lists] = tables as [Tensor, Tensor, Tensor, Tensor?];
    const { headStart, headEnd } = pass;
    const sizes = { B: call.B, D: call.D, Dv: call.Dv, headStart, headEnd, chunkCount: count };
    device.run(attentionForward, {
      tensors: { ...operands, out, lse, head_patterns: headPatterns, chunks, runs, lists },
      scalars: { ...scalarsOf(call, pass), chunk_count: count },
      groups: 0,
      items: attentionForwardLayout.items(sizes),
      scratchBytes: attentionForwardLayout.scratchBytes(sizes),
    });
  }
}

/**
 * All launches over one part of a schedule, added to `sums`; f32. `lse` is that of all keys, `delta` rowsum(dout·out)
 * less the gradient of lse.
 */
export function runBackward(
  operands: AttentionOperands,
  rows: { readonly dout: Tensor; readonly lse: Tensor; readonly delta: Tensor },
  call: AttentionCall,
  sums: Sums,
): void {
  const { device } = rows.lse;
  for (const { pass, count, tables } of backwardPasses(device, call.schedule)) {
    const [headPatterns, blocks, lists] = tables as [Tensor, Tensor, Tensor?];
    const sizes = { B: call.B, G: call.G, D: call.D, Dv: call.Dv, blockCount: count };
    device.run(attentionBackward, {
      tensors: { ...operands, ...rows, ...sums, head_patterns: headPatterns, blocks, lists },
      scalars: { ...scalarsOf(call, pass), block_count: count },
      groups: 0,
      items: attentionBackwardLayout.items(sizes),
      scratchBytes: attentionBackwardLayout.scratchBytes(sizes),
    });
  }
}

/** rowsum(dout * out), [B, H, N]; f32. */
export function runRowDot(
  { out, dout }: { readonly out: Tensor; readonly dout: Tensor },
  { B, N, H, Dv }: AttentionCall,
): Tensor {
  const delta = out.device.empty([B, H, N], { label: "attention delta" });
  out.device.run(attentionRowDot, {
    tensors: { out, dout, delta },
    scalars: { batch: B, queries: N, heads_q: H, width: Dv, item_tokens: DOT_TOKENS },
    groups: 0,
    items: attentionRowDotLayout.items({ B, N }),
  });
  return delta;
}

function forwardPasses(device: Device, schedule: Schedule): readonly Pass[] {
  return cachedFor(device, schedule, "forward", () =>
    uploaded(
      schedule.forwardPasses(FORWARD_CHUNK_ROWS).map(({ headPatterns, chunks, runs, chunkCount, ...pass }) => ({
        pass: { ...pass, headPatterns },
        count: chunkCount,
        tables: uploadAll(device, [headPatterns, chunks, runs, pass.lists]),
      })),
    ),
  ).passes;
}

function backwardPasses(device: Device, schedule: Schedule): readonly Pass[] {
  return cachedFor(device, schedule, "backward", () =>
    uploaded(
      schedule.backwardPasses(BACKWARD_BLOCK_ROWS).map(({ headPatterns, blocks, blockCount, ...pass }) => ({
        pass: { ...pass, headPatterns },
        count: blockCount,
        tables: uploadAll(device, [headPatterns, blocks, pass.lists]),
      })),
    ),
  ).passes;
}

/** With all tables in one list, for the cache. */
function uploaded(passes: readonly Pass[]): { readonly passes: readonly Pass[]; readonly tables: readonly Tensor[] } {
  return { passes, tables: passes.flatMap(({ tables }) => tables) };
}

/** The tables that there are. */
function uploadAll(device: Device, tables: readonly (Int32Array | Uint32Array | undefined)[]): Tensor[] {
  return tables.flatMap((table) => (table ? [upload(device, table)] : []));
}

/** A table as words; one that is empty has a word that nobody reads. */
function upload(device: Device, table: Int32Array | Uint32Array): Tensor {
  const words = new Uint32Array(table.buffer, table.byteOffset, table.length);
  return uploadTable(device, words.length > 0 ? words : [0], "attention plan");
}

type CommonScalar = Exclude<keyof (typeof attentionForward)["scalars"], "chunk_count">;

function scalarsOf(call: AttentionCall, pass: CpuPass): Record<CommonScalar, number> {
  const { N, M, H, G, D, Dv, dropout, scale, softcap, outScale } = call;
  return {
    queries: N,
    keys: M,
    heads_q: H,
    heads_kv: G,
    width: D,
    value_width: Dv,
    pattern_count: pass.patternCount,
    head_begin: pass.headStart,
    head_end: pass.headEnd,
    low: pass.low,
    high: pass.high,
    threshold: dropout?.threshold ?? 0,
    seed_low: dropout?.seedLow ?? 0,
    seed_high: dropout?.seedHigh ?? 0,
    dropout_domain: dropout?.domain ?? 0,
    scale,
    keep_scale: (dropout?.keepScale ?? 1) * outScale,
    // tanh(s / softcap) with a bound beyond these is s / softcap or ±1 in f32, as it is with them; their inverses are
    // normal numbers.
    softcap: softcap === null ? 0 : Math.min(Math.max(softcap, 1e-30), 1e30),
  };
}
