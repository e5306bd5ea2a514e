import { cast, type Device, type Tensor } from "@dilated/core";
import {
  type AttentionState,
  attendPart,
  attendPartBackward,
  type DilatedScheduleOptions,
  dilated,
  mergeAttention,
  type PartGradients,
  type PartOptions,
} from "@dilated/kernels/attention";
import { type AttentionCase, type CaseInputs, caseInputs } from "./cases.ts";
import { type Results, type RunOptions, readAll, tensorsFor } from "./run-case.ts";

/**
 * Runs a case over some of its keys after the other, forward and backward, without `heads: "partitioned"` and the
 * detached gradient, which are not those of a union. An odd number of parts is merged afterwards, an even one inside
 * the kernels; gradients are added up in f32.
 */
export async function runInParts(
  device: Device,
  test: AttentionCase,
  parts: number,
  { dtype = "f32", inputs = caseInputs(test), dlse }: RunOptions = {},
): Promise<Results> {
  const { q, k, v, dout, given, free } = tensorsFor(device, test, { dtype, inputs, dlse });
  const dealt = deal(test, inputs, parts);
  const results = device.scope(() => {
    const attend = (part: PartOptions, into?: AttentionState): AttentionState =>
      attendPart(q, k, v, { ...part, ...(into ? { into } : { dtype: "f32" }) });
    const [first, ...rest] = dealt as [PartOptions, ...PartOptions[]];
    let state = attend(first);
    if (parts % 2 === 0) for (const part of rest) attend(part, state);
    else {
      const [second, ...more] = rest.map((part) => attend(part));
      if (second) state = mergeAttention(state, second, ...more);
    }
    let sums = rest.length > 0 ? zeros(device, q, k, v) : undefined;
    // Weights are those of all keys, so that each part is pulled by all of `out`, `lse` and their gradients.
    for (const part of dealt)
      sums = attendPartBackward(q, k, v, { ...state, dout, dlse: given }, { ...part, into: sums });
    return { out: cast(state.out, dtype), lse: state.lse, ...(sums as PartGradients) };
  });
  free();
  return readAll(results);
}

const zeros = (device: Device, q: Tensor, k: Tensor, v: Tensor): PartGradients => ({
  dq: device.zeros(q.shape),
  dk: device.zeros(k.shape),
  dv: device.zeros(v.shape),
});

/** Parts that are all of a case together: stretches of keys, or branches where zero keys must not count twice. */
function deal(test: AttentionCase, { keyMask }: CaseInputs, parts: number): PartOptions[] {
  const { B, N, M = N, H, G = H } = test;
  const { scale, softcap, dropout, heads: _, ...pattern } = test.options;
  const scheduleOf = (options: DilatedScheduleOptions) => dilated({ N, M, H, G }, options);
  const range = Array.from({ length: parts }, (_, part) => part);
  if (pattern.remainder === "zeroPad") {
    const branches = range.map((part) => pattern.branches.filter((_, i) => i % parts === part));
    return branches
      .filter((some) => some.length > 0)
      .map((some) => ({ schedule: scheduleOf({ ...pattern, branches: some }), scale, softcap, dropout, keyMask }));
  }
  const schedule = scheduleOf(pattern);
  return range.map((part) => ({
    schedule,
    scale,
    softcap,
    dropout,
    keyMask: Uint32Array.from({ length: B * M }, (_, i) =>
      Math.floor(((i % M) * parts) / M) === part ? (keyMask?.[i] ?? 1) : 0,
    ),
  }));
}
