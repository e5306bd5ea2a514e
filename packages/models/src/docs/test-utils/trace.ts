import type { Device, Tensor } from "@dilated/core";

/** One differentiable op as it ran. */
export interface TracedOp {
  readonly op: string;
  readonly shape: readonly number[];
}

type Tape = NonNullable<Device["tape"]>;

/** The ops that `work` runs, in order, with the shape of what each gives: a tape that only listens. */
export function traceOps(device: Device, work: () => unknown): readonly TracedOp[] {
  const ops: TracedOp[] = [];
  const record: Tape["record"] = ({ name }, _inputs, _options, { outputs }) => {
    ops.push({ op: name, shape: (outputs[0] as Tensor).shape });
  };
  device.tape = { record, tracks: () => false } as unknown as Tape;
  try {
    device.scope(() => {
      work();
    });
  } finally {
    device.tape = undefined;
  }
  return ops;
}
