import type { KernelCall, KernelDefinition } from "../kernel/definition.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { BoundCall } from "./backend.ts";

/**
 * The slots whose windows cannot be bound where they lie; undefined for none. They start at no aligned place, or end
 * between groups of four by which they are written, so that what lies behind them would be written as well.
 */
export function oddWindows(
  kernel: KernelDefinition,
  call: KernelCall,
  { bound }: Pick<BoundCall, "bound">,
  offsetAlign: number,
): readonly string[] | undefined {
  let odd: string[] | undefined;
  Object.entries(kernel.tensors).forEach(([name, { access, view }], i) => {
    const argument = call.tensors[name];
    if (argument === undefined || argument instanceof Tensor) return;
    const end = argument.offset + argument.length;
    const spills = access !== "read" && view !== "scalar" && view !== "raw" && end % 4 !== 0;
    if ((bound[i]?.offset ?? 0) % offsetAlign === 0 && !(spills && end < argument.tensor.size)) return;
    odd ??= [];
    odd.push(name);
  });
  return odd;
}

/** Runs a call with copies in place of the windows `odd`, and brings back what it wrote there. Called in a scope. */
export function runStaged(
  kernel: KernelDefinition,
  call: KernelCall,
  odd: readonly string[],
  run: (call: KernelCall) => void,
): void {
  const tensors: Record<string, KernelCall["tensors"][string]> = { ...call.tensors };
  const back: (() => void)[] = [];
  for (const name of odd) {
    const argument = tensors[name];
    if (argument === undefined || argument instanceof Tensor) continue;
    const { tensor, offset, length } = argument;
    const { device, dtype } = tensor;
    const copy = device.empty([length], { dtype, label: "window" });
    // Of a window that is only written, too: a kernel need not write all of it.
    device.copy(tensor, copy, { from: offset, count: Math.min(length, tensor.size - offset) });
    tensors[name] = copy;
    if (kernel.tensors[name]?.access !== "read") back.push(() => device.copy(copy, tensor, { to: offset }));
  }
  run({ ...call, tensors });
  for (const bring of back) bring();
}
