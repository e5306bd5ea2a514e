import type { Goal } from "./goals.ts";
import type { Verdict } from "./judge.ts";

/** The list as text, a line a goal. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  return verdicts
    .map(
      ({ goal, pass, measured }) =>
        `${pass === undefined ? "-   " : pass ? "PASS" : "FAIL"}  ${goal.id}. ${describeGoal(goal)}: ${measured}`,
    )
    .join("\n");
}

/** The goal with its limit. */
export function describeGoal(goal: Goal): string {
  if (goal.kind !== "limit") return goal.text;
  const bound = goal.atMost === undefined ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`;
  return `${goal.text} ${bound} ${goal.unit}`;
}
