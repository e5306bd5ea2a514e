import { checkArgument, checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkUnchanged, type GradMap, Tape, versionsOf } from "./tape.ts";

const ARGUMENTS = { work: field.func(), inputs: field.list(field.tensor()) };

/**
 * Activation checkpointing: runs `work` without keeping anything for backward, and runs it again when backward needs it.
 * Trades one more forward pass for the memory of everything inside. `work` must be deterministic (dropout here is: its masks depend on
 * seeds and positions only) and may use parameters that it closes over.
 *
 * @param work - queues operations on `inputs` and returns one tensor
 * @param inputs - the values that come from outside and must be kept
 */
export function checkpoint<I extends readonly Tensor[]>(work: (...inputs: I) => Tensor, ...inputs: I): Tensor {
  checkCall("checkpoint", ARGUMENTS, [work, inputs]);
  const device = inputs[0]?.device;
  const tape = device?.tape;
  if (!device || !tape) return checked(work(...inputs));
  device.tape = undefined;
  let output: Tensor;
  try {
    output = checked(device.scope(() => work(...inputs)));
  } finally {
    device.tape = tape;
  }
  if (tape.tracks(output.id)) return output; // one of the inputs as it came: nothing to compute again
  const kept = inputs.map((input) => input.detachedAlias());
  const versions = versionsOf(kept);
  tape.push({
    outputs: [output.id],
    drop: () => {
      for (const input of kept) input.dispose();
    },
    pull: (grads: GradMap) => {
      checkUnchanged("checkpoint", kept, versions);
      const again = new Tape(device, [], tape);
      const outer = device.tape;
      device.tape = again;
      try {
        const repeated = device.scope(() => work(...(kept as unknown as I)));
        device.tape = undefined;
        const grad = grads.get(output.id);
        if (!grad) return;
        if (repeated.id !== output.id) grads.set(repeated.id, grad.detachedAlias());
        again.backward(grads, new Set());
      } finally {
        device.tape = outer;
        again.discard();
      }
    },
  });
  return output;
}

/** A Promise would leave its work queued after the caller goes on; anything else has no gradient. */
function checked(output: Tensor): Tensor {
  checkArgument("checkpoint", "what work returns", field.tensor(), output);
  return output;
}
