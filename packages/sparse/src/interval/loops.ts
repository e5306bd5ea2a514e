import type { Step } from "../expression/program.ts";

/** Bounds of a value in each box of a batch. */
export interface Bounds {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** One element of an array that is known to have it. */
type Numbers = Readonly<Record<number, number>> & { [i: number]: number };
type Loop = (a0: Numbers, a1: Numbers, b0: Numbers, b1: Numbers, t0: Numbers, t1: Numbers, count: number) => void;

/** 2^31: beyond it i32 wraps around, and may then be anything. */
const EDGE = 2 ** 31;

function sum(low: number, high: number, t0: Numbers, t1: Numbers, i: number): void {
  const wraps = low < -EDGE || high >= EDGE;
  t0[i] = wraps ? -EDGE : low;
  t1[i] = wraps ? EDGE - 1 : high;
}

/**
 * The operators that most masks are made of, by name and type of their operands, as loops that a compiler makes fast;
 * what they compute is what their rules do (`bounds.ts`).
 */
const LOOPS: Readonly<Record<string, Loop>> = {
  "add.i32": (a0, a1, b0, b1, t0, t1, count) => {
    for (let i = 0; i < count; i++) sum(at(a0, i) + at(b0, i), at(a1, i) + at(b1, i), t0, t1, i);
  },
  "sub.i32": (a0, a1, b0, b1, t0, t1, count) => {
    for (let i = 0; i < count; i++) sum(at(a0, i) - at(b1, i), at(a1, i) - at(b0, i), t0, t1, i);
  },
  "lt.i32": (a0, a1, b0, b1, t0, t1, count) => {
    for (let i = 0; i < count; i++) {
      t0[i] = +(at(a1, i) < at(b0, i));
      t1[i] = +(at(a0, i) < at(b1, i));
    }
  },
  "le.i32": (a0, a1, b0, b1, t0, t1, count) => {
    for (let i = 0; i < count; i++) {
      t0[i] = +(at(a1, i) <= at(b0, i));
      t1[i] = +(at(a0, i) <= at(b1, i));
    }
  },
  "eq.i32": (a0, a1, b0, b1, t0, t1, count) => {
    for (let i = 0; i < count; i++) {
      const apart = at(a1, i) < at(b0, i) || at(b1, i) < at(a0, i);
      t0[i] = +(at(a0, i) === at(a1, i) && at(b0, i) === at(b1, i) && !apart);
      t1[i] = +!apart;
    }
  },
  "and.bool": (a0, a1, b0, b1, t0, t1, count) => {
    for (let i = 0; i < count; i++) {
      t0[i] = at(a0, i) & at(b0, i);
      t1[i] = at(a1, i) & at(b1, i);
    }
  },
  "or.bool": (a0, a1, b0, b1, t0, t1, count) => {
    for (let i = 0; i < count; i++) {
      t0[i] = at(a0, i) | at(b0, i);
      t1[i] = at(a1, i) | at(b1, i);
    }
  },
};

const at = (numbers: Numbers, i: number): number => numbers[i] as number;

/** The loop of an operator over batches, if it has one. */
export function loopOf(
  { op, of, args }: Step,
  a: Bounds,
  b: Bounds,
  to: Bounds,
): ((count: number) => void) | undefined {
  const turned = op === "gt" || op === "ge"; // a > b is b < a
  const loop = LOOPS[`${turned ? (op === "gt" ? "lt" : "le") : op}.${of}`];
  if (!loop || args[0] === args[1]) return undefined;
  const [x, y] = turned ? [b, a] : [a, b];
  return (count) => loop(x.low, x.high, y.low, y.high, to.low, to.high, count);
}
