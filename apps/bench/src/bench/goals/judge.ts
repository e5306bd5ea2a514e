import { PEER } from "../peer-ratio.ts";
import type { Row } from "../row.ts";
import { GOALS, type Goal, type Match } from "./goals.ts";

/** A goal with what was measured. */
export interface Verdict {
  readonly goal: Goal;
  /** Undefined where nothing was measured. */
  readonly pass: boolean | undefined;
  readonly measured: string;
}

/** Compares the rows with every goal. */
export function judge(rows: readonly Row[], goals: readonly Goal[] = GOALS): Verdict[] {
  return goals.map((goal) => ({
    goal,
    ...(goal.kind === "causal"
      ? causal(goal, rows)
      : verdictOf(
          goal,
          rows.filter((row) => matches(row, goal.match)),
        )),
  }));
}

type Finding = Omit<Verdict, "goal">;
const NOTHING: Finding = { pass: undefined, measured: "not measured" };

function verdictOf(goal: Exclude<Goal, { kind: "causal" }>, rows: readonly Row[]): Finding {
  const ours = rows.filter(({ who, note }) => goal.who.test(who) && !note?.startsWith("skipped"));
  if (ours.length === 0) return NOTHING;
  if (goal.kind === "limit") return limit(goal, ours);
  if (goal.kind === "faster")
    return faster(
      goal,
      ours,
      rows.filter(({ who }) => PEER.test(who)),
    );
  if (goal.kind === "flat") return flat(goal, ours);
  const [first = Number.NaN, last = Number.NaN] = [ours[0]?.losses?.[0], ours[0]?.losses?.at(-1)];
  return { pass: last < first, measured: `${first.toFixed(3)} to ${last.toFixed(3)}` };
}

function causal({ match, who, atLeast }: Extract<Goal, { kind: "causal" }>, rows: readonly Row[]): Finding {
  const timeOf = (masked: boolean): number | undefined =>
    rows.find((row) => who.test(row.who) && matches(row, { ...match, causal: masked }))?.ms;
  const [full, masked] = [timeOf(false), timeOf(true)];
  if (full === undefined || masked === undefined) return NOTHING;
  return { pass: full / masked >= atLeast, measured: `${(full / masked).toFixed(2)}x` };
}

/** The best of several runners counts. */
function limit(
  { field, scale, unit, atMost, atLeast }: Extract<Goal, { kind: "limit" }>,
  ours: readonly Row[],
): Finding {
  const values = ours.map((row) => row[field]).filter((value): value is number => typeof value === "number");
  if (values.length === 0) return { pass: false, measured: ours[0]?.note ?? "no value" };
  const value = scale * (atMost === undefined ? Math.max(...values) : Math.min(...values));
  const pass = value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? Number.NEGATIVE_INFINITY);
  return { pass, measured: `${Number(value.toPrecision(3))} ${unit}` };
}

function faster({ fromSize }: Extract<Goal, { kind: "faster" }>, ours: readonly Row[], peers: readonly Row[]): Finding {
  const ratios = ours.flatMap((row) => {
    const peer = peers.find((other) => other.size === row.size && other.suite === row.suite);
    return (row.size ?? 0) >= fromSize && peer?.ms
      ? [{ size: row.size ?? 0, ratio: peer.ms / (row.ms ?? Number.POSITIVE_INFINITY) }]
      : [];
  });
  if (ratios.length === 0) return { pass: undefined, measured: "no peer to compare with" };
  return {
    pass: ratios.every(({ ratio }) => ratio > 1),
    measured: ratios.map(({ size, ratio }) => `${size.toLocaleString("en")}: ${ratio.toFixed(2)}x`).join(", "),
  };
}

function flat({ from, to, within }: Extract<Goal, { kind: "flat" }>, ours: readonly Row[]): Finding {
  const runners = [...new Set(ours.map(({ who }) => who))];
  const findings = runners.map((who): Finding => {
    const inside = ours.filter((row) => row.who === who && (row.size ?? 0) >= from && (row.size ?? 0) <= to && row.ms);
    const cost = inside.map(({ ms = 0, size = 1 }) => ms / size);
    if (!inside.some(({ size }) => size === from) || !inside.some(({ size }) => size === to)) return NOTHING;
    const spread = Math.max(...cost) / Math.min(...cost) - 1;
    return { pass: spread <= within, measured: `${(100 * spread).toFixed(1)} % between the fastest and the slowest` };
  });
  return findings.find(({ pass }) => pass) ?? findings.find(({ pass }) => pass === false) ?? NOTHING;
}

function matches(row: Row, match: Match): boolean {
  return Object.entries(match).every(([key, value]) => row[key as keyof Row] === value);
}
