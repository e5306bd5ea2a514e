import { checkOnDevice } from "../device/bind.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { DifferentiableOp, ForwardResult, Maybe } from "./op.ts";

/** Runs an op forward and, when a tape is recording, notes it. Everything differentiable goes through here. */
export function apply<O>(op: DifferentiableOp<O>, inputs: readonly Maybe<Tensor>[], options: O): readonly Tensor[] {
  const device = inputs.find((input) => input !== undefined)?.device;
  if (!device) return op.forward(inputs, options).outputs;
  for (let i = 0; i < inputs.length; i++)
    if (inputs[i] !== undefined) checkOnDevice(device, op.name, `input ${i}`, inputs[i]);
  const { tape } = device;
  device.tape = undefined; // An op built from other ops is one step: its inside is not recorded again.
  try {
    // A scope, so that a forward pass that fails halfway leaves nothing behind.
    const result = device.scope(() => op.forward(inputs, options) as ForwardResult & Record<string, unknown>);
    tape?.record(op, inputs, options, result);
    // The tape holds handles of its own; what forward made only for backward is nobody else's.
    for (const tensor of result.saved)
      if (tensor && !inputs.includes(tensor) && !result.outputs.includes(tensor)) tensor.dispose();
    return result.outputs;
  } finally {
    device.tape = tape;
  }
}
