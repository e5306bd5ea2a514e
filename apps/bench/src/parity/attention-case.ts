import { type Device, type Tensor, valueAndGrad } from "@dilated/core";
import { type DilatedAttentionOptions, dilatedAttention, mul, sum } from "@dilated/kernels";
import { naiveHalfAttention, resolveAttentionOptions } from "@dilated/kernels/reference";
import { type Comparison, maxError } from "./compare.ts";
import { type GoldenCase, tensorOf } from "./golden.ts";

const F32_TOLERANCE = 2e-5;
const GRADIENTS = ["dq", "dk", "dv"] as const;

/** Runs an `attention` or `partitioned` case on the device: output, and each gradient that the file gives, exact and detached. */
export async function compareAttention(
  device: Device,
  golden: GoldenCase,
  dtype: "f32" | "f16",
): Promise<Comparison[]> {
  const operands = (["q", "k", "v"] as const).map((name) => {
    const { data, shape } = tensorOf(golden, name);
    return device.tensor(data, shape, { dtype, label: name });
  });
  const [q, k, v] = operands as [Tensor, Tensor, Tensor];
  const results: Comparison[] = [];
  const check = (tensor: string, actual: ArrayLike<number>, tolerance: number) => {
    const error = maxError(actual, tensorOf(golden, tensor).data);
    results.push({ name: golden.name, tensor, error, pass: error <= tolerance });
  };
  try {
    for (const gradient of ["exact", "detached"] as const) {
      const suffix = gradient === "exact" ? "" : "_stopped";
      const options = optionsOf(golden, gradient);
      const limits = tolerances(golden, options, dtype, suffix);
      if (gradient === "exact") {
        using out = device.scope(() => dilatedAttention(q, k, v, options).out);
        check("out", await out.data(), limits.out);
      }
      if (!golden.tensors.has(`dq${suffix}`)) continue;
      using dout = device.tensor(tensorOf(golden, "dout").data, q.shape, { dtype, label: "dout" });
      const { value, grads } = valueAndGrad([q, k, v], () => sum(mul(dilatedAttention(q, k, v, options).out, dout)));
      for (const [i, name] of GRADIENTS.entries()) {
        const grad = grads[i] as Tensor;
        check(`${name}${suffix}`, await grad.data(), limits[name]);
        grad.dispose();
      }
      value.dispose();
    }
  } finally {
    for (const tensor of operands) tensor.dispose();
  }
  return results;
}

/** The goldens come from torchscale: block offsets and zero padding; the partitioned ones from modules that cut off the remainder. */
function optionsOf({ kind, config }: GoldenCase, gradient: "exact" | "detached"): DilatedAttentionOptions {
  const segments = config.segs as number[];
  const rates = config.rates as number[];
  const branches = segments.map((segment, i) => ({ segment, dilation: rates[i] ?? 0 }));
  const causal = config.causal === true;
  if (kind === "partitioned") return { branches, causal, heads: "partitioned" };
  return { branches, causal, gradient, headOffset: "block", remainder: "zeroPad" };
}

type Limits = Readonly<Record<"out" | (typeof GRADIENTS)[number], number>>;

/** f32: a fixed bound. f16: twice the error of the computation that rounds every intermediate to f16 (D6). */
function tolerances(
  golden: GoldenCase,
  options: DilatedAttentionOptions,
  dtype: "f32" | "f16",
  suffix: string,
): Limits {
  if (dtype === "f32") return { out: F32_TOLERANCE, dq: F32_TOLERANCE, dk: F32_TOLERANCE, dv: F32_TOLERANCE };
  const [q, k, v] = [tensorOf(golden, "q"), tensorOf(golden, "k"), tensorOf(golden, "v")];
  const resolved = resolveAttentionOptions("parity", { q: q.shape, k: k.shape, v: v.shape }, options);
  const { forward, gradients } = naiveHalfAttention(
    { q: q.data, k: k.data, v: v.data },
    resolved,
    golden.tensors.get("dout")?.data,
  );
  const bound = (actual: ArrayLike<number> | undefined, name: string) => {
    const expected = golden.tensors.get(name)?.data;
    return actual && expected ? 2 * maxError(actual, expected) : 0;
  };
  return {
    out: bound(forward.out, "out"),
    dq: bound(gradients?.dq, `dq${suffix}`),
    dk: bound(gradients?.dk, `dk${suffix}`),
    dv: bound(gradients?.dv, `dv${suffix}`),
  };
}
