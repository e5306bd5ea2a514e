import { type TuneReport, tune } from "@dilated/kernels/tune";
import type { GpuContext } from "./context.ts";
import type { Runner } from "./variants.ts";

/**
 * What `tune` finds on each device: a row a candidate. Suites that are named behind it (`bench tune attention`) run with the winners. `--sizes` are the tokens of the
 * attention that is tuned for; by default those of `tune` itself, and its products.
 */
export async function tuneSuite({ runners, sizes, quick, budget, emit }: GpuContext): Promise<void> {
  for (const { device, who } of runners) {
    if (budget.spent) {
      emit({ what: "tune", who, note: "skipped: the time budget is spent" });
      continue;
    }
    const attention = sizes?.map((N) => ({ shape: [1, N, 12, 64] }));
    const budgetMs = 1000 * Math.min(quick ? 10 : 60, budget.left());
    rowsOf(await tune(device, { budgetMs, ...(attention ? { attention } : {}) }), who).forEach(emit);
  }
}

type Rows = Parameters<GpuContext["emit"]>[0][];

function rowsOf({ keys, unfinished, problems, nothing }: TuneReport, who: Runner["who"]): Rows {
  const candidates = keys.flatMap(({ key, candidates, chosen, gain }) =>
    candidates.map(({ variant, ms, problem }) => ({
      what: `${key}: ${variant}`,
      who,
      ...(ms === undefined ? {} : { ms }),
      note: problem?.split("\n")[0] ?? (variant === chosen ? `chosen, ${gain.toFixed(2)}x the default` : ""),
    })),
  );
  const rest = [
    ...(nothing ? [`nothing to tune: ${nothing}`] : []),
    ...unfinished.map((what) => `no time left for ${what}`),
    ...problems,
  ];
  return [...candidates, ...rest.map((note) => ({ what: "tune", who, note }))];
}
