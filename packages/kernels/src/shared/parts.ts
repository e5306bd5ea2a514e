import type { Tensor } from "@dilated/core";

/** Which part of an axis: a tensor of [lead, total, …]. */
export interface PartOf {
  /** Product of the axes before it. */
  readonly lead: number;
  readonly total: number;
  readonly begin: number;
  readonly count: number;
}

/** Copies a part of an axis out of a tensor, run of memory by run: for runs that are long, and so few. */
export function takeRuns(x: Tensor, part: PartOf): Tensor {
  const taken = x.device.empty([(x.size / part.total) * part.count], { dtype: x.dtype, label: x.label });
  copyRuns(part, x.size, (whole, inPart, count) => x.device.copy(x, taken, { from: whole, to: inPart, count }));
  return taken;
}

/** The other way: a part to its place in `y`. */
export function putRuns(part: Tensor, y: Tensor, where: PartOf): void {
  copyRuns(where, y.size, (whole, inPart, count) => y.device.copy(part, y, { from: inPart, to: whole, count }));
}

function copyRuns(
  { lead, total, begin, count }: PartOf,
  size: number,
  copy: (whole: number, inPart: number, count: number) => void,
): void {
  const unit = size / lead / total;
  if (unit * count === 0) return;
  for (let run = 0; run < lead; run++) copy((run * total + begin) * unit, run * count * unit, count * unit);
}
