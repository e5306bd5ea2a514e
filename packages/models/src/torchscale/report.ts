/** Something about a state dict that does not fit. */
export interface StateProblem {
  readonly name: string;
  /** `missing`, `unexpected`, or `is [shape]`. */
  readonly problem: string;
  readonly expected?: readonly number[];
}

const MOST = 40;

/** One line a problem, in columns: name, what is wrong, the shape that was expected. Long lists are cut, with their length. */
export function reportTable(problems: readonly StateProblem[]): string[] {
  const shown = problems.slice(0, MOST).map((one) => ({ ...one, name: shortName(one.name) }));
  const width = (of: (problem: StateProblem) => string): number => Math.max(...shown.map((one) => of(one).length));
  const [names, kinds] = [width(({ name }) => name), width(({ problem }) => problem)];
  const lines = shown.map(({ name, problem, expected }) => {
    const should = expected ? `expected [${expected.join(", ")}]` : "";
    return `${name.padEnd(names)}  ${problem.padEnd(kinds)}  ${should}`.trimEnd();
  });
  return problems.length > MOST ? [...lines, `and ${problems.length - MOST} more`] : lines;
}

/** A name of a file in a message: not longer than a line. */
export function shortName(name: string): string {
  return name.length > 150 ? `${name.slice(0, 150)}…` : name;
}
