import { ConfigError, type Tensor } from "@dilated/core";
import { describe } from "./check.ts";

/** Index of an axis of x; negative numbers count from the end. Throws ConfigError where there is none. */
export function axisOf(caller: string, x: Tensor, axis: number): number {
  const at = axis < 0 ? axis + x.rank : axis;
  if (Number.isInteger(at) && at >= 0 && at < x.rank) return at;
  throw new ConfigError(`${caller}: axis ${String(axis)} is not an axis of x`, {
    details: describe({ x }),
    fix: x.rank === 0 ? "leave axis out" : `pass an integer from ${-x.rank} to ${x.rank - 1}`,
  });
}
