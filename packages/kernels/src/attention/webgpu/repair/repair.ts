import type { Device, Tensor } from "@dilated/core";
import { type Cached, cachedFor } from "../../../shared/device-cache.ts";
import type { AttentionCall, AttentionOperands } from "../../engine.ts";
import type { TileRole } from "../../schedule/schedule.ts";
import { type PlannedLaunch, planWhole } from "../plans.ts";
import { ROLLED_ROWS } from "../unrolled/tile-size.ts";
import { type BoundRows, bindingsOf, type RowWindow } from "../windows.ts";
import { attentionScan, type LookScalar, SCAN_THREADS } from "./scan.ts";

// The fast kernels multiply whole tiles, where a weight of 0 times a NaN of one row is NaN in others; to keep that
// apart takes registers and branches, and with them a third of their speed. So they are right for what is finite, and
// the rolled kernels, slow and exact, are launched behind them: what has looked at all operands has left a mark if
// there is anything that is not finite, and without it their workgroups return at once. It is the first fast launch
// that looks, each workgroup at its share: arithmetic is what such a launch waits for, so that the reads are nearly
// free. A scan does it where results must not be touched before (`into`), where the first launch may have empty tiles,
// and for a backward pass that has lost its mark.

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
 * What finds something writes `repair_call` to word `repair_at` of the plan; what repairs returns unless it is there.
 */
export interface RepairScalars {
  readonly repair_at: number;
  readonly repair_call: number;
  /** Bits of the least magnitude, as f32, that is not to be trusted. */
  readonly limit: number;
}

/** What a launch looks at; its workgroups are for who queues it to say. */
export type Look = Readonly<Record<Exclude<LookScalar, "look_groups">, number>>;

/** Of launches that do not look. */
export const NO_LOOK: Look = { look_q: 0, look_k: 0, look_v: 0, limit: 0, mark_at: 0, mark_call: 0 };

/** Of launches that are no repair, and look for nothing to repair. */
export const NO_REPAIR: RepairScalars = { repair_at: 0, repair_call: 0, limit: 0 };

interface RepairPlan extends Cached {
  readonly launches: Readonly<Record<TileRole, PlannedLaunch>>;
  /** Calls so far. Each has a mark of its own, so that none has to be erased. */
  calls: number;
}

/** Calls whose marks a plan keeps: the forward passes that await their backward pass, if they are not more. */
const MARKS = 64;

/** The mark of a call's operands: the plan that keeps it, and the call's number in it. */
const marked = new WeakMap<AttentionCall, { readonly plan: RepairPlan; readonly number: number }>();

/** Workgroups of a scan: as many as keep the largest GPU busy. */
const SCAN_GROUPS = 1024;

/** A mark for a call, which is for its launches or a scan to set. */
export function openRepair(device: Device, call: AttentionCall): Repair {
  const plan = planOf(device, call);
  const number = ++plan.calls;
  marked.set(call, { plan, number });
  return repairOf(plan, number, call);
}

/** The same for a backward pass, which asks for the mark that its forward pass left, if that is still there. */
export function reopenRepair(operands: AttentionOperands, call: AttentionCall, windows: readonly RowWindow[]): Repair {
  const before = marked.get(call);
  const { device } = operands.q;
  const plan = planOf(device, call);
  if (before?.plan === plan && plan.calls - before.number < MARKS) return repairOf(plan, before.number, call);
  const repair = openRepair(device, call);
  queueScan(operands, call, windows, repair);
  return repair;
}

/** Looks at q, k and v before anything else does. */
export function queueScan(
  operands: AttentionOperands,
  call: AttentionCall,
  windows: readonly RowWindow[],
  repair: Repair,
): void {
  const { q, k, v } = operands;
  for (const window of windows) {
    const look = lookAt(operands, call, window, repair, false);
    const most = Math.max(look.look_q, look.look_k, look.look_v);
    const groups = Math.max(1, Math.min(SCAN_GROUPS, Math.ceil(most / (2 * SCAN_THREADS))));
    const { query, key } = bindingsOf(call, window);
    q.device.run(attentionScan, {
      tensors: { q: query(q), k: key(k), v: key(v), mark: repair.table },
      scalars: { ...look, look_groups: groups },
      groups,
      items: 0,
    });
  }
}

/** Scalars of a launch that looks at a window of the operands: in chunks of eight halves, or of four elements. */
export function lookAt(
  { q, k, v }: AttentionOperands,
  { B, N, M }: AttentionCall,
  { queries, keys }: RowWindow,
  { scalars: { limit, repair_at, repair_call } }: Repair,
  halves: boolean,
): Look {
  const chunk = halves ? 8 : 4;
  const chunks = (tensor: Tensor, rows: number, { base, end }: BoundRows): number =>
    ((tensor.size / chunk) * Math.max(1, end - base)) / rows;
  return {
    look_q: chunks(q, B * N, queries),
    look_k: chunks(k, B * M, keys),
    look_v: chunks(v, B * M, keys),
    limit: halves ? halfLimit(limit) : limit,
    mark_at: repair_at,
    mark_call: repair_call,
  };
}

function planOf(device: Device, { schedule }: AttentionCall): RepairPlan {
  return cachedFor<RepairPlan>(device, schedule, "repair", () => {
    const launches = planWhole(device, schedule, ROLLED_ROWS, MARKS);
    return { launches, calls: 0, tables: [launches.query.table] };
  });
}

function repairOf({ launches: { query, key } }: RepairPlan, number: number, call: AttentionCall): Repair {
  const table = query.table.detachedAlias();
  return {
    launches: { query: { ...query, table }, key: { ...key, table } },
    table,
    scalars: {
      repair_at: table.size - MARKS + (number % MARKS),
      repair_call: 1 + (number % 0xffffffff),
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

/** What to add to two halves, so that the top bit of each tells whether its magnitude is below that of these bits. */
function halfLimit(limit: number): number {
  const rebiased = Math.ceil((limit - ((127 - 15) << 23)) / 2 ** 13);
  const bits = Math.min(Math.max(rebiased, 1), 0x7c00); // an infinity is never below, whatever the limit
  return (0x8000 - bits) * 0x10001;
}
