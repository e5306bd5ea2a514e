import { type Tensor, treeTensors } from "@dilated/core";

/** Reads a tensor that was made inside the call, and frees it. */
export async function take(tensor: Tensor): Promise<Float32Array> {
  const data = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return data;
}

/** Slope of `loss` along the gradient, measured and by the gradient: their ratio is 1. */
export async function slopeRatio(
  parameters: unknown,
  grads: unknown,
  loss: () => Promise<number>,
  h = 2e-2,
): Promise<number> {
  const params = treeTensors(parameters);
  const [before, slope] = await Promise.all(
    [params, treeTensors(grads)].map((list) => Promise.all(list.map((t) => t.data()))),
  );
  if (!before || !slope) throw new Error("nothing to differentiate");
  const norm2 = slope.reduce((sum, g) => sum + (g as Float32Array).reduce((s, x) => s + x * x, 0), 0);
  const at = async (step: number): Promise<number> => {
    params.forEach((p, i) => {
      const moved = Array.from(before[i] ?? [], (x, j) => x + (step * (slope[i]?.[j] ?? 0)) / Math.sqrt(norm2));
      p.device.write(p, moved);
    });
    return loss();
  };
  const measured = ((await at(h)) - (await at(-h))) / (2 * h);
  params.forEach((p, i) => {
    p.device.write(p, before[i] ?? []);
  });
  return measured / Math.sqrt(norm2);
}
