import type { Device } from "../device/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Maybe } from "./op.ts";

/** What a mean is over. */
export interface MeanCount {
  /**
   * How many things: a number, or one f32 element on the device where only the device knows (targets that are not
   * ignored).
   */
  readonly count: number | Tensor;
  /** The same for counts that are known to be equal. */
  readonly key: string;
  /** At least the count, on the host. */
  readonly most: Maybe<number>;
}

/** Counts of the means that a recorded value is made of. Device counts are handles of its own. */
export class MeanCounts {
  readonly #counts = new Map<number, readonly MeanCount[]>();
  readonly #handles: Tensor[] = [];

  /** `value` is a mean over `count` things, whatever it was made from. */
  set(value: Tensor, { count, ...rest }: MeanCount): void {
    const own = typeof count === "number" ? count : count.detachedAlias();
    if (typeof own !== "number") this.#handles.push(own);
    this.#counts.set(value.id, [{ count: own, ...rest }]);
  }

  /** One number made from others (scaled, cast, added) is a mean over what they are means over. */
  inherit(inputs: readonly Maybe<Tensor>[], outputs: readonly Tensor[]): void {
    const found = new Map<string, MeanCount>();
    for (const input of inputs) for (const one of input ? this.of(input) : []) found.set(one.key, one);
    if (found.size === 0) return;
    for (const output of outputs) if (output.size === 1) this.#counts.set(output.id, [...found.values()]);
  }

  of(value: Tensor): readonly MeanCount[] {
    return (value.size === 1 && this.#counts.get(value.id)) || [];
  }

  dispose(): void {
    for (const handle of this.#handles) handle.dispose();
  }
}

/** Does anybody want to know what means are over? Where nobody does, a count need not be made. */
export function countsMeans(device: Device): boolean {
  return device.tape?.means !== undefined;
}

/**
 * Says that a number is a mean over `count` things, and gives it back: what `train` weighs the micro-batches of a step
 * by. `mean`, `crossEntropy` and
 * `linearCrossEntropy` say so themselves, and sums and multiples of their results inherit it; a mean of your own
 * making needs it:
 * `meanOver(scale(sum(squares), 1 / n), n)`.
 *
 * @param value - one element
 * @param count - a number, or one f32 element where only the device knows it
 * @param key - the same for counts that are known to be equal. @defaultValue the count's own
 * @param most - at least the count. @defaultValue the number; of a tensor unknown
 */
export function meanOver(value: Tensor, count: number | Tensor, key?: string, most?: number): Tensor {
  const [own, known] = typeof count === "number" ? [String(count), count] : [`tensor ${count.id}`, undefined];
  value.device.tape?.means?.set(value, { count, key: key ?? own, most: most ?? known });
  return value;
}

/**
 * Runs `work` under the tape at hand and hands `use` what the result is a mean over: nothing, where no operation said.
 * The counts live as long as `use` runs.
 */
export function withMeanCounts<T>(
  device: Device,
  work: () => Tensor,
  use: (value: Tensor, counts: readonly MeanCount[]) => T,
): T {
  const { tape } = device;
  if (!tape) return use(work(), []);
  const outer = tape.means;
  const means = new MeanCounts();
  tape.means = means;
  try {
    const value = work();
    return use(value, means.of(value));
  } finally {
    tape.means = outer;
    means.dispose();
  }
}
