import { fill, type Tensor, type TensorArgument } from "@dilated/core";
import {
  type AttentionCall,
  type AttentionEngine,
  type AttentionGradients,
  type AttentionOperands,
  type AttentionPull,
  type AttentionState,
  EMPTY_LSE,
  type ForwardTarget,
  partAlone,
} from "../engine.ts";
import type { TileRole } from "../schedule/schedule.ts";
import { chooseKernel, exactKernel, type TiledKernel } from "./family.ts";
import { type Launch, looks, markPlan, queueLaunch } from "./launch.ts";
import { largestOf } from "./matrix/amax.ts";
import { type PlannedLaunch, planLaunches } from "./plans.ts";
import { lookAt, openRepair, queueScan, type Repair, reopenRepair } from "./repair/repair.ts";
import { queueRowStats } from "./row-stats/queue.ts";
import { bindingsOf, planWindows, type RowWindow } from "./windows.ts";

/** Attention on WebGPU: one workgroup a tile of rows, all that a plan fuses in one launch. */
export const webgpuEngine: AttentionEngine = { forward, backward };

function forward(
  operands: AttentionOperands,
  call: AttentionCall,
  { into, dtype }: ForwardTarget = {},
): AttentionState {
  const { q, k, v, mask } = operands;
  const { device } = q;
  const result = into?.out.dtype ?? dtype ?? q.dtype;
  const kernel = chooseKernel(device, q.dtype, "forward", call, result);
  const launches = planLaunches(device, call.schedule, "query", kernel.rows);
  const windows = windowsOf(call, operands, 0);
  const out = into?.out ?? device.empty([call.B, call.N, call.H, call.Dv], { dtype: result, label: "attention out" });
  const lse = into?.lse ?? device.empty([call.B, call.H, call.N], { label: "attention lse" });
  const overwrites = !into && (launches[0]?.coversAllRows ?? false);
  if (!into && !overwrites) {
    fill(out, 0);
    fill(lse, EMPTY_LSE);
  }
  const repair = kernel.form === "rolled" ? undefined : openRepair(device, call);
  const looking = repair && overwrites && looks(kernel);
  if (repair && !looking) queueScan(operands, call, windows, repair);
  const launchOver = (chosen: TiledKernel, launch: PlannedLaunch, accumulate: boolean, repairing?: Repair): void => {
    const skipping = into && !repairing ? repair : undefined;
    if (skipping) markPlan(launch, skipping);
    for (const window of windows) {
      const rows = bindingsOf(call, window);
      const tensors: Launch["tensors"] = {
        plan: launch.table,
        q: rows.query(q),
        k: rows.key(k),
        v: rows.key(v),
        mask: mask && rows.key(mask),
        out: rows.query(out),
        lse: rows.lse(lse),
        ...(looks(chosen) && { mark: repair?.table }),
      };
      queueLaunch(device, chosen, call, {
        launch,
        window,
        tensors,
        accumulate,
        flopsPerPair: 2 * (call.D + call.Dv),
        repairing,
        skipping,
        look:
          repair && looking && !accumulate
            ? lookAt(operands, call, window, repair, chosen.form === "matrix")
            : undefined,
      });
    }
  };
  launches.forEach((launch, i) => {
    launchOver(kernel, launch, i > 0 || !overwrites);
  });
  if (repair) launchOver(exactKernel("forward", call), repair.launches.query, into !== undefined, repair);
  repair?.table.dispose();
  return { out, lse };
}

function backward(
  operands: AttentionOperands,
  pull: AttentionPull,
  call: AttentionCall,
  into?: AttentionGradients,
): AttentionGradients {
  const { q, k, v } = operands;
  const { device, dtype } = q;
  const { parts } = call.schedule;
  const statWords = 1 + parts.length;
  const windows = windowsOf(call, operands, statWords);
  const resultOf = (grad: Tensor | undefined) => grad?.dtype ?? dtype;
  // One that is not launched is not chosen either: a tuner takes what work asks for as what it runs.
  const query = pull.needsQuery ? chooseKernel(device, dtype, "query", call, resultOf(into?.dq)) : undefined;
  const key = pull.needsKey ? chooseKernel(device, dtype, "key", call, resultOf(into?.dk)) : undefined;
  const chosen = [query, key].filter((kernel) => kernel !== undefined);
  const exact = chosen.every(({ form }) => form === "rolled");
  const repair = exact ? undefined : reopenRepair(operands, call, windows);
  const scaled = chosen.some(({ form }) => form === "matrix");
  const { stats, peaks } = queueRowStats(pull, call, { windows, words: statWords, scaled, repair }, (part) =>
    forward(operands, partAlone(call, part)),
  );
  const amax = peaks && largestOf(peaks);
  peaks?.dispose();
  const shared: Shared = { operands, pull, call, windows, stats, statWords, amax, repair };
  const like = (tensor: Tensor, label: string): Tensor => device.empty(tensor.shape, { dtype, label });
  const dq = query && (into?.dq ?? like(q, "dq"));
  if (query && dq) queueGradients("query", query, { dq }, shared, into?.dq !== undefined);
  const dk = key && (into?.dk ?? like(k, "dk"));
  const dv = key && (into?.dv ?? like(v, "dv"));
  if (key && dk && dv) queueGradients("key", key, { dk, dv }, shared, into?.dk !== undefined);
  stats.dispose();
  amax?.dispose();
  repair?.table.dispose();
  return { dq, dk, dv };
}

/** What the launches of both roles share. */
interface Shared {
  readonly operands: AttentionOperands;
  readonly pull: AttentionPull;
  readonly call: AttentionCall;
  readonly windows: readonly RowWindow[];
  readonly stats: Tensor;
  readonly statWords: number;
  readonly amax: Tensor | undefined;
  readonly repair: Repair | undefined;
}

/** @param given - The gradients hold something, which is added to. */
function queueGradients(
  role: TileRole,
  kernel: TiledKernel,
  grads: Readonly<Record<string, Tensor>>,
  { operands, pull, call, windows, stats, statWords, amax, repair }: Shared,
  given: boolean,
): void {
  const { q, k, v, mask } = operands;
  const { device } = q;
  const launches = planLaunches(device, call.schedule, role, kernel.rows);
  const overwrites = !given && (launches[0]?.coversAllRows ?? false);
  if (!given && !overwrites) for (const grad of Object.values(grads)) fill(grad, 0);
  const singleKey = pull.dlse === undefined && isRounded(call);
  const launchOver = (chosen: TiledKernel, launch: PlannedLaunch, accumulate: boolean, repairing?: Repair): void => {
    const skipping = given && !repairing ? repair : undefined;
    if (skipping) markPlan(launch, skipping);
    for (const window of windows) {
      const rows = bindingsOf(call, window);
      const plan = mask && withMask(launch.table, mask, call, window);
      const bindGrad = role === "query" ? rows.query : rows.key;
      const tensors: Record<string, TensorArgument | undefined> = {
        plan: plan ?? launch.table,
        q: rows.query(q),
        k: rows.key(k),
        v: rows.key(v),
        dout: rows.query(pull.dout),
        stats: rows.query(stats),
        ...(chosen.form === "matrix" && { amax }),
      };
      for (const [name, grad] of Object.entries(grads)) tensors[name] = bindGrad(grad);
      // As with dropout, software adapters take the general variant: compiling another one costs more than it saves.
      const constants = {
        HAS_MASK: mask !== undefined || chosen.form === "rolled",
        ...(chosen.form === "matrix" && { SINGLE_KEY: singleKey }),
      };
      const scalars = { stat_words: statWords, mask_at: plan ? launch.table.size : 0 };
      const flopsPerPair = 4 * call.D + (role === "query" ? 2 : 4) * call.Dv;
      queueLaunch(device, chosen, call, {
        launch,
        window,
        tensors,
        accumulate,
        flopsPerPair,
        role,
        constants,
        scalars,
        repairing,
        skipping,
      });
      plan?.dispose();
    }
  };
  launches.forEach((launch, i) => {
    launchOver(kernel, launch, i > 0 || !overwrites);
  });
  if (repair && kernel.form !== "rolled") launchOver(exactKernel(role, call), repair.launches[role], given, repair);
}

/** Whether f16 rounds what a row with one key gives: that key's v times a factor. */
function isRounded({ dropout, outScale }: AttentionCall): boolean {
  return dropout !== null || !Number.isInteger(Math.log2(outScale));
}

/** A plan with the keys that count behind it: plain WebGPU binds no more tensors than the kernels of backward have. */
function withMask(table: Tensor, mask: Tensor, { B, M }: AttentionCall, { keys }: RowWindow): Tensor {
  const { device } = table;
  const base = Math.min(keys.base, B * M);
  const plan = device.empty([table.size + Math.max(keys.end, base) - base], { dtype: "u32", label: "attention plan" });
  device.copy(table, plan);
  if (keys.end > base) device.copy(mask, plan, { from: base, to: table.size, count: keys.end - base });
  return plan;
}

/**
 * Windows in which a row of the widest tensors fits one binding: results may be f32, and `stats` has `statWords` words
 * a head.
 */
export function windowsOf(call: AttentionCall, { q, k, v }: AttentionOperands, statWords: number): RowWindow[] {
  const { B, N, M, H, G, D, Dv, schedule } = call;
  const width = Math.max(D, Dv);
  return planWindows(call.caller, schedule, {
    B,
    N,
    M,
    H,
    queryBytes: Math.max(4 * H * width, 4 * H * statWords, q.byteLength / (B * N)),
    keyBytes: Math.max(4 * G * width, k.byteLength / (B * M), v.byteLength / (B * M)),
    maxBindingBytes: q.device.limits.maxBindingBytes,
  });
}
