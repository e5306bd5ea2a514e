import type { Device, Tensor } from "@dilated/core";
import { type Cached, cached } from "../../../shared/device-cache.ts";
import type { AttentionOperands } from "../../op/engine.ts";
import type { ResolvedAttention } from "../../op/options.ts";
import { type PlannedLaunch, planWhole } from "../../schedule/dilated/plan.ts";
import { ROLLED_ROWS } from "../unrolled/tile-size.ts";
import { bindRows, type RowWindow } from "../windows.ts";
import { attentionScan, SCAN_THREADS } from "./scan.ts";

// The fast kernels multiply whole tiles, where a weight of 0 times a NaN of one row is NaN in others; to keep that apart takes registers and branches, and with
// them a third of their speed. So they are right for what is finite, and the rolled kernels, slow and exact, are launched behind them: a scan has left a mark if
// there is anything that is not finite, and without it their workgroups return at once.

/**
 * A launch of the rolled kernels over all rows and branches, which makes again what the fast kernels left. Its table is a reference of the caller's own, to
 * dispose: the cache may drop its own before all is queued.
 */
export interface Repair {
  readonly launch: PlannedLaunch;
  readonly scalars: RepairScalars;
}

/** Kernels that find something write `repair_call` to word `repair_at` of the plan; those that repair return unless it is there. */
export interface RepairScalars {
  readonly repair_at: number;
  readonly repair_call: number;
  /** Bits of the least magnitude, as f32, that is not to be trusted. */
  readonly limit: number;
}

/** Of launches that are no repair, and look for nothing to repair. */
export const NO_REPAIR: RepairScalars = { repair_at: 0, repair_call: 0, limit: 0 };

interface RepairPlan extends Cached {
  readonly launch: PlannedLaunch;
  /** Calls so far. Each has a mark of its own, so that none has to be erased. */
  calls: number;
}

/** Workgroups of a scan: as many as keep the largest GPU busy. */
const SCAN_GROUPS = 1024;

/** Queues the scan of q, k and v, and gives what repairs the call. */
export function openRepair(
  { q, k, v }: AttentionOperands,
  resolved: ResolvedAttention,
  windows: readonly RowWindow[],
): Repair {
  const { launch, call } = nextCall(q.device, resolved);
  const scalars = { repair_at: launch.table.size - 1, repair_call: call, limit: limitOf(resolved) };
  for (const window of windows) {
    const quads = (tensor: Tensor): number =>
      ((tensor.size / 4) * (window.rowEnd - window.rowBase)) / (resolved.B * resolved.N);
    const groups = Math.min(SCAN_GROUPS, Math.ceil(quads(q) / (2 * SCAN_THREADS)));
    const bind = (tensor: Tensor) => bindRows(tensor, resolved, window);
    q.device.run(attentionScan, {
      tensors: { q: bind(q), k: bind(k), v: bind(v), plan: launch.table },
      scalars: { ...scalars, quads_q: quads(q), quads_kv: quads(k), step: groups * SCAN_THREADS },
      groups,
      items: 0,
    });
  }
  return { launch, scalars };
}

function nextCall(device: Device, resolved: ResolvedAttention): { launch: PlannedLaunch; call: number } {
  const { B, N, H, branches, sequences, causal, zeroPad } = resolved;
  const key = JSON.stringify(["repair", B, N, H, branches, sequences, causal, zeroPad]);
  const plan = cached<RepairPlan>(device, key, () => {
    const launch = planWhole(device, resolved, ROLLED_ROWS);
    return { launch, calls: 0, tables: [launch.table] };
  });
  plan.calls = (plan.calls % 0xffffffff) + 1;
  const table = plan.launch.table.detachedAlias();
  return { launch: { ...plan.launch, table }, call: plan.calls };
}

/** Up to this, sums of products of two have room in f32, and scores are far from what stands for minus infinity. */
const MOST = 2 ** 40;

function limitOf({ D, scale }: ResolvedAttention): number {
  const most = Math.min(MOST, Math.sqrt(2 ** 90 / (D * Math.max(1, Math.abs(scale)))));
  return new Uint32Array(Float32Array.of(most).buffer)[0] ?? 0;
}
