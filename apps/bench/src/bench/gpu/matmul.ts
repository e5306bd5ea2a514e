import type { Device, Tensor } from "@dilated/core";
import { matmul } from "@dilated/kernels";
import type { Task } from "../row.ts";
import { forEachRunner, type GpuContext, type Outcome } from "./context.ts";
import { measure } from "./measure.ts";
import { peerRow } from "./peer-row.ts";

/** n^3 products in f16 and f32 against cuBLAS (f32 without TF32). */
export async function matmulSuite(context: GpuContext): Promise<void> {
  for (const n of context.sizes ?? (context.quick ? [8_192] : [4_096, 8_192])) {
    for (const dtype of ["f16", "f32"] as const) {
      const task: Task = { suite: "matmul", op: "matmul", size: n, dtype, pass: "forward", causal: false };
      await forEachRunner(context, task, ({ device }) => outcome(device, n, dtype));
      await peerRow(context, task, "PyTorch (cuBLAS)", { kind: "matmul", n, dtype });
    }
  }
}

async function outcome(device: Device, n: number, dtype: "f16" | "f32"): Promise<Outcome> {
  using a = device.randomNormal([n, n], { seed: 1, dtype, label: "a" });
  using b = device.randomNormal([n, n], { seed: 2, dtype, label: "b" });
  const started = performance.now();
  using y = matmul(a, b);
  await device.sync();
  const firstMs = performance.now() - started;
  const error = await sampledError(device, a, b, y);
  // Sums of n products of unit normals have deviation √n; f16 results are rounded to 2^-11 of themselves.
  const tolerance = dtype === "f16" ? 2 ** -10 * Math.sqrt(n) * 5 : 2e-6 * n;
  if (!(error <= tolerance)) return { error, note: `WRONG: off by more than ${tolerance.toExponential(1)}; not timed` };
  device.resetPeak();
  const measured = await measure(device, () => device.scope(() => void matmul(a, b)));
  return { ...measured, firstMs, error, peakBytes: device.stats().peak, gflops: (2 * n ** 3) / measured.ms / 1e6 };
}

/** 4 rows of y against f64 sums over all columns of a band of 64: every tile row and column is met. */
async function sampledError(device: Device, a: Tensor, b: Tensor, y: Tensor): Promise<number> {
  const n = a.shape[0] ?? 0;
  const columns = await b.data();
  let worst = 0;
  for (const i of [0, Math.floor(n / 3), n - 2, n - 1]) {
    const [row, actual] = [await rowOf(device, a, i), await rowOf(device, y, i)];
    for (let s = 0; s < 64; s++) {
      const j = s === 0 ? n - 1 : (s * 7919 + i) % n;
      let exact = 0;
      for (let k = 0; k < n; k++) exact += (row[k] as number) * (columns[k * n + j] as number);
      worst = Math.max(worst, Math.abs((actual[j] as number) - exact)); // NaN wins
    }
  }
  return worst;
}

async function rowOf(device: Device, x: Tensor, i: number): Promise<ArrayLike<number>> {
  const n = x.shape[1] ?? 0;
  using row = device.empty([n], { dtype: x.dtype, label: "check" });
  device.copy(x, row, { from: i * n, count: n });
  return await row.data();
}
