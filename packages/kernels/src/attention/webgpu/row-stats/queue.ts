import type { Tensor } from "@dilated/core";
import type { AttentionCall, AttentionPull, AttentionState } from "../../engine.ts";
import { NO_REPAIR, type Repair } from "../repair/repair.ts";
import { bindingsOf, type RowWindow } from "../windows.ts";
import { attentionRowStats, statsCut, statsRows } from "./row-stats.ts";

/** How the statistics are made. */
export interface StatsPlan {
  readonly windows: readonly RowWindow[];
  /** Words a row: 1 + number of deltas. */
  readonly words: number;
  /** Kernels in f16 scale by the largest element of the incoming gradients. */
  readonly scaled: boolean;
  readonly repair: Repair | undefined;
}

/**
 * lse and delta of every query row; see row-stats.wgsl. The detached gradient runs each part `alone` to get its own
 * delta.
 */
export function queueRowStats(
  pull: AttentionPull,
  call: AttentionCall,
  { windows, words, scaled, repair }: StatsPlan,
  alone: (part: number) => AttentionState,
): { readonly stats: Tensor; readonly peaks: Tensor | undefined } {
  const { B, N, H, Dv, schedule } = call;
  const { device } = pull.dout;
  const cut = statsCut(device);
  const rowsOf = ({ queries }: RowWindow): number => (queries.end - queries.base) * H;
  const groupsOf = (window: RowWindow): number => Math.ceil(rowsOf(window) / statsRows(cut));
  const allGroups = windows.reduce((sum, window) => sum + groupsOf(window), 0);
  const stats = device.empty([B, N, H, words], { label: "attention row stats" });
  const peaks = scaled ? device.empty([Math.max(1, allGroups)], { label: "attention peaks" }) : undefined;
  const run = (out: Tensor, component: number): void => {
    let begin = 0;
    for (const window of windows) {
      if (groupsOf(window) === 0) continue;
      const { query, lse } = bindingsOf(call, window);
      device.run(attentionRowStats, {
        tensors: {
          out: query(out),
          dout: query(pull.dout),
          lse: lse(pull.lse),
          dlse: pull.dlse && lse(pull.dlse),
          stats: query(stats),
          peaks: component === 0 ? peaks : undefined,
          plan: repair?.table,
        },
        scalars: {
          rows: rowsOf(window),
          first_row: (window.batchBegin * N + window.queryBegin - window.queries.base) * H,
          row_begin: window.queries.base * H,
          width4: Dv / 4,
          heads_q: H,
          queries: N,
          lse_base: window.lse.base,
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
  if (schedule.parts.length === 1) run(pull.out, 0);
  else {
    schedule.parts.forEach((_, i) => {
      const { out, lse } = alone(i);
      run(out, i);
      out.dispose();
      lse.dispose();
    });
  }
  return { stats, peaks };
}
