import { type Device, fill, type Tensor, type TensorArgument } from "@dilated/core";
import {
  type AttentionEngine,
  type AttentionGradients,
  type AttentionOperands,
  type AttentionPull,
  type AttentionState,
  branchAlone,
  isDetached,
} from "../op/engine.ts";
import type { ResolvedAttention } from "../op/options.ts";
import { EMPTY_LSE } from "../oracle/reference.ts";
import { type PlannedLaunch, planLaunches } from "../schedule/dilated/plan.ts";
import { chooseKernel, exactKernel, isExact, type TiledKernel } from "./family.ts";
import { largestOf } from "./matrix/amax.ts";
import { NO_REPAIR, openRepair, type Repair, type RepairScalars } from "./repair/repair.ts";
import { attentionRowStats, statsCut, statsRows } from "./row-stats/row-stats.ts";
import { bindRows, planWindows, type RowWindow, tilesIn } from "./windows.ts";

/** Attention on WebGPU: one workgroup a tile of rows, all branches that a plan fuses in one launch. */
export const webgpuEngine: AttentionEngine = { forward, backward };

function forward(operands: AttentionOperands, resolved: ResolvedAttention): AttentionState {
  const { q, k, v, mask } = operands;
  const { device, dtype } = q;
  const kernel = chooseKernel(device, dtype, "forward", resolved);
  const launches = planLaunches(device, resolved, "query", kernel.rows);
  const windows = windowsOf(resolved, q, 0);
  const out = device.empty(q.shape, { dtype, label: "attention out" });
  const lse = device.empty([resolved.B, resolved.H, resolved.N], { label: "attention lse" });
  const fresh = launches[0]?.complete ?? false;
  if (!fresh) {
    fill(out, 0);
    fill(lse, EMPTY_LSE);
  }
  const repair = isExact(kernel, "forward") ? undefined : openRepair(operands, resolved, windows);
  const launchOver = (
    chosen: TiledKernel,
    launch: PlannedLaunch,
    carry: boolean,
    scalars?: Repair["scalars"],
  ): void => {
    for (const window of windows) {
      const bind = (tensor: Tensor): TensorArgument => bindRows(tensor, resolved, window);
      const tensors = { plan: launch.table, q: bind(q), k: bind(k), v: bind(v), mask, out: bind(out), lse };
      queue(device, chosen, resolved, { launch, window, tensors, carry, flopsPerPair: 4 * resolved.D, scalars });
    }
  };
  launches.forEach((launch, i) => {
    launchOver(kernel, launch, i > 0 || !fresh);
  });
  if (repair) launchOver(exactKernel("forward", resolved), repair.launch, false, repair.scalars);
  repair?.launch.table.dispose();
  return { out, lse };
}

function backward(operands: AttentionOperands, pull: AttentionPull, resolved: ResolvedAttention): AttentionGradients {
  const { q, k, v, mask } = operands;
  const { device, dtype } = q;
  const statWords = 2 + (isDetached(resolved) ? resolved.branches.length : 1);
  const windows = windowsOf(resolved, q, statWords);
  // One that is not launched is not chosen either: a tuner takes what work asks for as what it runs.
  const query = pull.needsQuery ? chooseKernel(device, dtype, "query", resolved) : undefined;
  const key = pull.needsKey ? chooseKernel(device, dtype, "key", resolved) : undefined;
  const scaled = [query, key].some((chosen) => chosen && "amax" in chosen.kernel.tensors);
  const lone = pull.dlse === undefined && isRounded(resolved);
  const exact = (!query || isExact(query, "query")) && (!key || isExact(key, "key"));
  const repair = exact ? undefined : openRepair(operands, resolved, windows);
  const { stats, amax } = rowStats(operands, pull, resolved, { windows, words: statWords, scaled, repair });
  const launchAll = (role: "query" | "key", kernel: TiledKernel, grads: Readonly<Record<string, Tensor>>): void => {
    const launches = planLaunches(device, resolved, role, kernel.rows);
    const fresh = launches[0]?.complete ?? false;
    if (!fresh) for (const grad of Object.values(grads)) fill(grad, 0);
    const launchOver = (chosen: TiledKernel, launch: PlannedLaunch, carry: boolean, repairing?: Repair): void => {
      for (const window of windows) {
        const rows = { q, k, v, dout: pull.dout, stats, ...grads };
        const tensors: Record<string, TensorArgument | undefined> = { plan: launch.table, amax };
        for (const [name, tensor] of Object.entries(rows)) tensors[name] = bindRows(tensor, resolved, window);
        const flopsPerPair = (role === "query" ? 6 : 8) * resolved.D;
        // As with dropout, software adapters take the general variant: compiling another one costs more than it saves.
        const onMatrix = "amax" in chosen.kernel.tensors;
        const constants = {
          HAS_MASK: mask !== undefined || isExact(chosen, role),
          ...(onMatrix && { LONE: lone }),
        };
        const scalars = { stat_words: statWords, ...repairing?.scalars };
        queue(device, chosen, resolved, { launch, window, tensors, carry, flopsPerPair, role, constants, scalars });
      }
    };
    launches.forEach((launch, i) => {
      launchOver(kernel, launch, i > 0 || !fresh);
    });
    if (repair && !isExact(kernel, role)) launchOver(exactKernel(role, resolved), repair.launch, false, repair);
  };
  const like = (tensor: Tensor, label: string): Tensor => device.empty(tensor.shape, { dtype, label });
  const dq = query && like(q, "dq");
  if (query && dq) launchAll("query", query, { dq });
  const dk = key && like(k, "dk");
  const dv = key && like(v, "dv");
  if (key && dk && dv) launchAll("key", key, { dk, dv });
  stats.dispose();
  amax?.dispose();
  repair?.launch.table.dispose();
  return { dq, dk, dv };
}

/** Whether f16 rounds what a row with one key gives: that key's v times a factor. */
function isRounded({ dropout, outScale }: ResolvedAttention): boolean {
  return dropout !== null || !Number.isInteger(Math.log2(outScale));
}

interface RowStats {
  readonly stats: Tensor;
  /** What kernels in f16 scale by: the largest element of the incoming gradients. */
  readonly amax: Tensor | undefined;
}

/** lse, mask and delta of every query row; see row-stats.wgsl. The detached gradient runs each branch alone to get its own delta. */
function rowStats(
  operands: AttentionOperands,
  pull: AttentionPull,
  resolved: ResolvedAttention,
  plan: {
    readonly windows: readonly RowWindow[];
    readonly words: number;
    readonly scaled: boolean;
    readonly repair: Repair | undefined;
  },
): RowStats {
  const { B, N, H, D, branches } = resolved;
  const { device } = operands.q;
  const { windows, words, scaled, repair } = plan;
  const cut = statsCut(device);
  const rowsOf = ({ rowBase, rowEnd }: RowWindow): number => (rowEnd - rowBase) * H;
  const groupsOf = (window: RowWindow): number => Math.ceil(rowsOf(window) / statsRows(cut));
  const allGroups = windows.reduce((sum, window) => sum + groupsOf(window), 0);
  const stats = device.empty([B, N, H, words], { label: "attention row stats" });
  using peaks = scaled ? device.empty([allGroups], { label: "attention peaks" }) : undefined;
  const run = (out: Tensor, component: number): void => {
    let begin = 0;
    for (const window of windows) {
      const bind = (tensor: Tensor): TensorArgument => bindRows(tensor, resolved, window);
      device.run(attentionRowStats, {
        tensors: {
          out: bind(out),
          dout: bind(pull.dout),
          lse: pull.lse,
          dlse: pull.dlse,
          mask: operands.mask,
          stats: bind(stats),
          peaks: component === 0 ? peaks : undefined,
          plan: repair?.launch.table,
        },
        scalars: {
          rows: rowsOf(window),
          row_begin: window.rowBase * H,
          width4: D / 4,
          heads_q: H,
          tokens: N,
          stat_words: words,
          component,
          peak_begin: begin,
          ...(repair?.scalars ?? NO_REPAIR),
        },
        constants: { ...cut },
        groups: groupsOf(window),
        items: 0,
      });
      begin += groupsOf(window);
    }
  };
  if (!isDetached(resolved)) run(pull.out, 0);
  else {
    branches.forEach((_, i) => {
      const alone = forward(operands, branchAlone(resolved, i));
      run(alone.out, i);
      alone.out.dispose();
      alone.lse.dispose();
    });
  }
  return { stats, amax: peaks && largestOf(peaks) };
}

/** Windows in which a token of q, and of `stats` with its `statWords` words a head, fits one binding. */
function windowsOf(resolved: ResolvedAttention, q: Tensor, statWords: number): RowWindow[] {
  const bytes = Math.max(q.byteLength / (resolved.B * resolved.N), 4 * resolved.H * statWords);
  return planWindows("dilatedAttention", resolved, bytes, q.device.limits.maxBindingBytes);
}

interface Launch {
  readonly launch: PlannedLaunch;
  readonly window: RowWindow;
  readonly tensors: Readonly<Record<string, TensorArgument | undefined>>;
  readonly carry: boolean;
  readonly flopsPerPair: number;
  readonly role?: "query" | "key";
  readonly constants?: Readonly<Record<string, boolean>>;
  readonly scalars?: Readonly<Record<string, number>> | RepairScalars | undefined;
}

/** How much slower the exact kernels are, at the most. */
const SLOWER = 16;

function queue(device: Device, { kernel, constants }: TiledKernel, resolved: ResolvedAttention, work: Launch): void {
  const { B, N, H, G, dropout, scale } = resolved;
  const { launch, window, role = "query" } = work;
  const tiles = tilesIn(launch, window);
  // The key/value heads that some query head of the launch reads.
  const shared = role === "key" ? H / G : 1;
  const headBegin = Math.floor(launch.headStart / shared);
  const heads = Math.ceil(launch.headEnd / shared) - headBegin;
  // A window that cuts through a block takes its tiles as they come.
  const ordered = tiles.begin % launch.orderTiles === 0 && tiles.count % launch.orderTiles === 0;
  const share = (tiles.count * window.batchCount) / (launch.count * B);
  const scalars = { ...NO_REPAIR, ...work.scalars };
  const flops = launch.pairs * share * work.flopsPerPair;
  device.run<string, string>(kernel, {
    tensors: work.tensors,
    scalars: {
      tokens: N,
      heads_q: H,
      heads_kv: G,
      row_base: window.rowBase,
      batch_begin: window.batchBegin,
      tile_begin: tiles.begin,
      tile_count: tiles.count,
      head_begin: headBegin,
      head_count: heads,
      stride: launch.stride,
      window: launch.window,
      head_class: Number(launch.every > 1),
      plan_branches: launch.planBranches,
      branch_count: launch.branches.length,
      order_at: launch.orderAt,
      order_tiles: ordered ? launch.orderTiles : 0,
      causal: Number(resolved.causal),
      zero_pad: Number(resolved.zeroPad),
      carry: Number(work.carry),
      scale,
      scale_log2: scale * Math.LOG2E,
      out_scale: resolved.outScale,
      threshold: dropout?.threshold ?? 0,
      keep_scale: dropout?.keepScale ?? 1,
      seed_low: dropout?.seedLow ?? 0,
      seed_high: dropout?.seedHigh ?? 0,
      dropout_domain: dropout?.domain ?? 0,
      most_turns: 0xffffffff,
      ...scalars,
    },
    constants: { ...constants, ...work.constants },
    groups: tiles.count * heads * window.batchCount,
    items: 0,
    // What repairs has nothing to do, as a rule.
    ...(scalars.repair_call ? { mostFlops: flops * SLOWER } : { flops }),
  });
}
