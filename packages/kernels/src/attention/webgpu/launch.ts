import type { Device, TensorArgument } from "@dilated/core";
import type { AttentionCall } from "../engine.ts";
import type { TiledKernel } from "./family.ts";
import type { PlannedLaunch } from "./plans.ts";
import { type Look, NO_LOOK, NO_REPAIR, type Repair } from "./repair/repair.ts";
import { type RowWindow, tilesIn } from "./windows.ts";

/** One launch over one window. */
export interface Launch {
  readonly launch: PlannedLaunch;
  readonly window: RowWindow;
  readonly tensors: Readonly<Record<string, TensorArgument | undefined>>;
  /** Merge into, or add to, what the results hold. */
  readonly accumulate: boolean;
  readonly flopsPerPair: number;
  /** What the rows are. @defaultValue "query" */
  readonly role?: "query" | "key";
  readonly constants?: Readonly<Record<string, boolean>>;
  readonly scalars?: Readonly<Record<string, number>>;
  /** The launch makes again what others left. */
  readonly repairing?: Repair | undefined;
  /** The launch leaves its work to this, if there is any for it. */
  readonly skipping?: Repair | undefined;
  /** The launch looks at the operands, too. @defaultValue it does not */
  readonly look?: Look | undefined;
}

/** How much slower the exact kernels are, at the most. */
const SLOWER = 16;

/**
 * Workgroups of a launch that repairs: as many as keep the largest GPU busy. To start one and have it return at once
 * takes about 2 ns, which for one a tile were 1 % of the time of what it repairs.
 */
const REPAIR_GROUPS = 2048;

export function queueLaunch(device: Device, chosen: TiledKernel, call: AttentionCall, work: Launch): void {
  const { B, N, M, H, G, dropout, scale, softcap, schedule } = call;
  const { launch, window, role = "query", repairing, skipping } = work;
  const tiles = tilesIn(launch, role, window);
  if (tiles.count === 0) return;
  // The key/value heads that some query head of the launch reads.
  const shared = role === "key" ? H / G : 1;
  const headBegin = Math.floor(launch.headStart / shared);
  const heads = Math.ceil(launch.headEnd / shared) - headBegin;
  // A window that cuts through a block takes its tiles as they come.
  const ordered = tiles.begin % launch.orderTiles === 0 && tiles.count % launch.orderTiles === 0;
  const share = (tiles.count * window.batchCount) / (launch.tiles * B);
  const flops = launch.pairs * share * work.flopsPerPair;
  const { repair_at, repair_call } = repairing?.scalars ?? NO_REPAIR;
  const tileGroups = tiles.count * heads * window.batchCount;
  const groups = repairing ? Math.min(REPAIR_GROUPS, Math.ceil(tileGroups / 4)) : tileGroups;
  device.run<string, string>(chosen.kernel, {
    tensors: work.tensors,
    scalars: {
      queries: N,
      keys: M,
      heads_q: H,
      heads_kv: G,
      query_base: window.queries.base,
      key_base: window.keys.base,
      lse_base: window.lse.base,
      batch_begin: window.batchBegin,
      tile_begin: tiles.begin,
      tile_count: tiles.count,
      head_begin: headBegin,
      head_count: heads,
      row_step: launch.rowStep,
      row_pitch: launch.rowPitch,
      order_at: launch.orderAt,
      order_tiles: ordered ? launch.orderTiles : 0,
      bounded: Number(schedule.bounds !== "none"),
      accumulate: Number(work.accumulate),
      skip_at: launch.table.size - 1,
      skip_call: skipping?.scalars.repair_call ?? 0,
      scale,
      scale_log2: scale * Math.LOG2E,
      softcap: (softcap ?? 0) * Math.LOG2E,
      out_scale: call.outScale,
      threshold: dropout?.threshold ?? 0,
      keep_scale: dropout?.keepScale ?? 1,
      seed_low: dropout?.seedLow ?? 0,
      seed_high: dropout?.seedHigh ?? 0,
      dropout_domain: dropout?.domain ?? 0,
      no_limit: 0xffffffff,
      ...(chosen.form === "rolled" && { repair_at, repair_call, tile_groups: tileGroups, turn: groups }),
      ...(looks(chosen) && { ...(work.look ?? NO_LOOK), look_groups: groups }),
      ...work.scalars,
      ...launch.scalars,
    },
    constants: { ...chosen.constants, ...work.constants },
    groups,
    items: 0,
    // What repairs has nothing to do, as a rule.
    ...(repairing ? { mostFlops: flops * SLOWER } : { flops }),
  });
}

/** Whether a kernel can look at the operands beside its work. */
export function looks({ form, role }: TiledKernel): boolean {
  return form !== "rolled" && role === "forward";
}

/** Brings the mark of a scan to the plan of a launch that must not begin where exact kernels have to do all. */
export function markPlan({ table }: PlannedLaunch, { table: marked, scalars }: Repair): void {
  table.device.copy(marked, table, { from: scalars.repair_at, to: table.size - 1, count: 1 });
}
