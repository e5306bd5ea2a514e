import { type Device, type Tensor, valueAndGrad } from "@dilated/core";
import { mul, sum } from "@dilated/kernels";
import {
  fromTorchscale,
  type LongNetDecoder,
  type LongNetEncoder,
  torchscaleConfig,
  torchscaleEntries,
} from "@dilated/models";
import { type Comparison, maxError } from "./compare.ts";
import { type GoldenCase, stateOf, tensorOf } from "./golden.ts";

export const MODEL_TOLERANCE = 5e-5;
/** Of the largest element of the tensor. */
export const GRADIENT_TOLERANCE = 2e-4;
/**
 * Of the largest gradient of the case; below it a tensor is compared with this. A key's bias adds the same to every score of a row, so that its
 * gradient is 0, and what the file holds is f64 rounding.
 */
const GRADIENT_FLOOR = 1e-3;

/** Runs a `longnet-encoder` case: output, the gradient of the input, and that of every weight that the file gives. */
export async function compareEncoder(device: Device, golden: GoldenCase): Promise<Comparison[]> {
  const config = torchscaleConfig("longnet-encoder", golden.config.kw as Record<string, unknown>);
  using model: LongNetEncoder = fromTorchscale(device, stateOf(golden), { kind: "longnet-encoder", config });
  const { data, shape } = tensorOf(golden, "input");
  using input = device.tensor(data, shape, { label: "input" });
  using output = model.forward(input);
  const results = [await compareOutput(golden, "output", output)];
  if (!golden.tensors.has("grad_output")) return results;
  using upstream = device.tensor(tensorOf(golden, "grad_output").data, shape, { label: "grad_output" });
  const { value, grads } = valueAndGrad({ input, parameters: model.parameters }, () =>
    sum(mul(model.forward(input), upstream)),
  );
  results.push(await compareGradient(golden, "grad_input", grads.input));
  for (const { name, tensor } of torchscaleEntries({ kind: "longnet-encoder", parameters: grads.parameters })) {
    const key = `grads.${name}`;
    if (golden.tensors.has(key)) results.push(await compareGradient(golden, key, tensor));
    tensor.dispose();
  }
  grads.input.dispose();
  value.dispose();
  return results;
}

/** Runs a `longnet-decoder` case: logits and loss. */
export async function compareDecoder(device: Device, golden: GoldenCase): Promise<Comparison[]> {
  const config = torchscaleConfig("longnet-decoder", golden.config.kw as Record<string, unknown>);
  using model: LongNetDecoder = fromTorchscale(device, stateOf(golden), { kind: "longnet-decoder", config });
  const { data, shape } = tensorOf(golden, "tokens");
  const [B = 0, length = 0] = shape;
  const inputs = Int32Array.from({ length: B * (length - 1) }, (_, i) => {
    const [b, t] = [Math.floor(i / (length - 1)), i % (length - 1)];
    return data[b * length + t] as number;
  });
  using logits = device.scope(() => model.forward(device.tensor(inputs, [B, length - 1], { dtype: "i32" })));
  using loss = device.scope(() => model.loss(device.tensor(data, shape, { dtype: "i32" })));
  return [await compareOutput(golden, "logits", logits), await compareOutput(golden, "loss", loss)];
}

/** Largest absolute difference from the tensor of that name. */
export async function compareOutput(golden: GoldenCase, tensor: string, actual: Tensor): Promise<Comparison> {
  const error = maxError(await actual.data(), tensorOf(golden, tensor).data);
  return { name: golden.name, tensor, error, pass: error <= MODEL_TOLERANCE };
}

/** The same, relative to the largest element. */
async function compareGradient(golden: GoldenCase, tensor: string, actual: Tensor): Promise<Comparison> {
  const expected = tensorOf(golden, tensor).data;
  const all = [...golden.tensors].filter(([name]) => name.startsWith("grads.")).map(([, { data }]) => largest(data));
  const error =
    maxError(await actual.data(), expected) / Math.max(largest(expected), GRADIENT_FLOOR * Math.max(0, ...all));
  return { name: golden.name, tensor, error, pass: error <= GRADIENT_TOLERANCE };
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i] as number));
  return most;
}
