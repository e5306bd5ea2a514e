import { apply, cast, type Device, type DifferentiableOp, type Tensor, valueAndGrad } from "@dilated/core";
import { dilatedAttention } from "@dilated/kernels";
import { attentionGradientReference, attentionReference } from "@dilated/kernels/reference";
import { type AttentionCase, type CaseInputs, caseInputs, resolveCase } from "./cases.ts";

/** Everything that a call gives, forward and backward. */
export type Results = Readonly<Record<"out" | "lse" | "dq" | "dk" | "dv", ArrayLike<number>>>;

/** A scalar whose gradients with respect to out and lse are the given ones. */
const probe: DifferentiableOp<{ dout: Tensor; dlse: Tensor | undefined }> = {
  name: "probe",
  forward: ([out]) => ({ outputs: out ? [out.device.zeros([1])] : [], saved: [] }),
  backward: ({ options: { dout, dlse } }) => [dout, dlse],
};

/** What to run a case with. */
export interface RunOptions {
  readonly dtype?: "f32" | "f16";
  readonly inputs?: CaseInputs;
  /** Gradient of lse, [B, H, N]. */
  readonly dlse?: ArrayLike<number> | undefined;
}

/** Operands of a case on a device, until they are given back. */
export interface CaseTensors {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly dout: Tensor;
  /** Gradient of lse. */
  readonly given: Tensor | undefined;
  readonly free: () => void;
}

/** Makes the operands of a case. */
export function tensorsFor(
  device: Device,
  { B, N, M = N, H, G = H, D, Dv = D }: AttentionCase,
  { dtype, inputs, dlse }: Required<Pick<RunOptions, "dtype" | "inputs">> & Pick<RunOptions, "dlse">,
): CaseTensors {
  const make = (values: ArrayLike<number>, tokens: number, heads: number, width = D): Tensor => {
    using wide = device.tensor(values, [B, tokens, heads, width]);
    return cast(wide, dtype);
  };
  const tensors = {
    q: make(inputs.q, N, H),
    k: make(inputs.k, M, G),
    v: make(inputs.v, M, G, Dv),
    dout: make(inputs.dout, N, H, Dv),
    given: dlse && device.tensor(dlse, [B, H, N]),
  };
  return {
    ...tensors,
    free: () => {
      for (const tensor of Object.values(tensors)) tensor?.dispose();
    },
  };
}

/** The numbers of tensors, which are given back. */
export async function readAll(tensors: Readonly<Record<keyof Results, Tensor>>): Promise<Results> {
  const read = await Promise.all(
    Object.entries(tensors).map(async ([name, tensor]) => [name, await tensor.data()] as const),
  );
  for (const tensor of Object.values(tensors)) tensor.dispose();
  return Object.fromEntries(read) as unknown as Results;
}

/** Runs a case on a device, forward and backward, through the public op and the tape. */
export async function runCase(
  device: Device,
  test: AttentionCase,
  { dtype = "f32", inputs = caseInputs(test), dlse }: RunOptions = {},
): Promise<Results> {
  const { q, k, v, dout, given, free } = tensorsFor(device, test, { dtype, inputs, dlse });
  const seen: Tensor[] = [];
  const { value, grads } = valueAndGrad({ q, k, v }, () => {
    const { out, lse } = dilatedAttention(q, k, v, { ...test.options, keyMask: inputs.keyMask });
    seen.push(out.detachedAlias(), lse.detachedAlias());
    return apply(probe, [out, lse], { dout, dlse: given })[0] as Tensor;
  });
  value.dispose();
  free();
  const [out, lse] = seen as [Tensor, Tensor];
  return readAll({ out, lse, dq: grads.q, dk: grads.k, dv: grads.v });
}

/** The same numbers from the oracle. */
export function referenceCase(
  test: AttentionCase,
  inputs: CaseInputs = caseInputs(test),
  dlse?: ArrayLike<number>,
): Results {
  const resolved = resolveCase(test);
  return {
    ...attentionReference(inputs, resolved),
    ...attentionGradientReference(inputs, inputs.dout, resolved, dlse),
  };
}
