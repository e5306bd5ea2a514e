import type { Device, Tensor } from "@dilated/core";
import { type Cached, cachedFor } from "../../../shared/device-cache.ts";
import type { AttentionCall, AttentionOperands } from "../../engine.ts";
import type { TileRole } from "../../schedule/schedule.ts";
import { type PlannedLaunch, planWhole } from "../plans.ts";
import { ROLLED_ROWS } from "../unrolled/tile-size.ts";
import { bindingsOf, type RowWindow } from "../windows.ts";
import { attentionScan, SCAN_THREADS } from "./scan.ts";

// The fast kernels multiply whole tiles, where a weight of 0 times a NaN of one row is NaN in others; to keep that
// apart takes registers and branches, and with them a third of their speed. So they are right for what is finite, and
// the rolled kernels, slow and exact, are launched behind them: a scan has left a mark if there is anything that is not
// finite, and without it their workgroups return at once.

/**
 * A launch of the rolled kernels over all rows and parts, which makes again what the fast kernels left. Its table is a
 * reference of the caller's own, to dispose: the cache may drop its own before all is queued.
 */
export interface Repair {
  readonly launches: Readonly<Record<TileRole, PlannedLaunch>>;
  readonly table: Tensor;
  readonly scalars: RepairScalars;
}

/**
 * Kernels that find something write `repair_call` to word `repair_at` of the plan; those that repair return unless it
 * is there.
 */
export interface RepairScalars {
  readonly repair_at: number;
  readonly repair_call: number;
  /** Bits of the least magnitude, as f32, that is not to be trusted. */
  readonly limit: number;
}

/** Of launches that are no repair, and look for nothing to repair. */
export const NO_REPAIR: RepairScalars = { repair_at: 0, repair_call: 0, limit: 0 };

interface RepairPlan extends Cached {
  readonly launches: Readonly<Record<TileRole, PlannedLaunch>>;
  /** Scans so far. Each has a mark of its own, so that none has to be erased. */
  scans: number;
}

/** Scans whose marks a plan keeps: those of the forward passes that await their backward pass, if they are not more. */
const MARKS = 64;

/** The scan of a call's operands: the plan that keeps its mark, and its number in it. */
const scanned = new WeakMap<AttentionCall, { readonly plan: RepairPlan; readonly scan: number }>();

/** Workgroups of a scan: as many as keep the largest GPU busy. */
const SCAN_GROUPS = 1024;

/** Queues the scan of q, k and v, and gives what repairs the call. */
export function openRepair(operands: AttentionOperands, call: AttentionCall, windows: readonly RowWindow[]): Repair {
  const plan = planOf(operands.q.device, call);
  const scan = ++plan.scans;
  scanned.set(call, { plan, scan });
  const repair = repairOf(plan, scan, call);
  queueScan(operands, call, windows, repair);
  return repair;
}

/** The same for a backward pass, which asks for the mark that its forward pass left, if that is still there. */
export function reopenRepair(operands: AttentionOperands, call: AttentionCall, windows: readonly RowWindow[]): Repair {
  const before = scanned.get(call);
  const plan = planOf(operands.q.device, call);
  const kept = before?.plan === plan && plan.scans - before.scan < MARKS;
  return kept ? repairOf(plan, before.scan, call) : openRepair(operands, call, windows);
}

function queueScan(
  { q, k, v }: AttentionOperands,
  call: AttentionCall,
  windows: readonly RowWindow[],
  { table, scalars }: Repair,
): void {
  const [queryRows, keyRows] = [call.B * call.N, call.B * call.M];
  for (const window of windows) {
    const { queries, keys } = window;
    const quads = (tensor: Tensor, rows: number, bound: number): number => ((tensor.size / 4) * bound) / rows;
    const quadsQ = quads(q, queryRows, Math.max(1, queries.end - queries.base));
    const [quadsK, quadsV] = [k, v].map((tensor) => quads(tensor, keyRows, Math.max(1, keys.end - keys.base))) as [
      number,
      number,
    ];
    const most = Math.max(quadsQ, quadsK, quadsV);
    const groups = Math.max(1, Math.min(SCAN_GROUPS, Math.ceil(most / (2 * SCAN_THREADS))));
    const { query, key } = bindingsOf(call, window);
    q.device.run(attentionScan, {
      tensors: { q: query(q), k: key(k), v: key(v), plan: table },
      scalars: { ...scalars, quads_q: quadsQ, quads_k: quadsK, quads_v: quadsV, step: groups * SCAN_THREADS },
      groups,
      items: 0,
    });
  }
}

function planOf(device: Device, { schedule }: AttentionCall): RepairPlan {
  return cachedFor<RepairPlan>(device, schedule, "repair", () => {
    const launches = planWhole(device, schedule, ROLLED_ROWS, MARKS);
    return { launches, scans: 0, tables: [launches.query.table] };
  });
}

function repairOf({ launches: { query, key } }: RepairPlan, scan: number, call: AttentionCall): Repair {
  const table = query.table.detachedAlias();
  return {
    launches: { query: { ...query, table }, key: { ...key, table } },
    table,
    scalars: {
      repair_at: table.size - MARKS + (scan % MARKS),
      repair_call: 1 + (scan % 0xffffffff),
      limit: limitOf(call),
    },
  };
}

/** Up to this, sums of products of two have room in f32, and scores are far from what stands for minus infinity. */
const MOST = 2 ** 40;

function limitOf({ D, Dv, scale }: AttentionCall): number {
  const most = Math.min(MOST, Math.sqrt(2 ** 90 / (Math.max(D, Dv) * Math.max(1, Math.abs(scale)))));
  return new Uint32Array(Float32Array.of(most).buffer)[0] ?? 0;
}
