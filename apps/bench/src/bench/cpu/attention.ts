import { type Device, type Tensor, valueAndGrad } from "@dilated/core";
import { attention, attentionFlops, type Branch, dilatedAttention, sum } from "@dilated/kernels";
import { sampledRowError } from "../check/rows.ts";
import { timePeers } from "../peers/libraries.ts";
import type { Row } from "../row.ts";
import { timeOurs } from "./ours.ts";
import { normalArray } from "./random.ts";
import type { SuiteContext } from "./suite.ts";

const H = 4;
const D = 64;

/** Dilated attention against dense, forward and backward, over growing N: w = N/16, N/4, N and r = 1, 4, 16. */
export async function cpuAttentionSuite({
  devices,
  sizes = [2048, 4096, 8192, 16384],
  peers,
}: SuiteContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const N of sizes) {
    const operands = [1, 2, 3].map((seed) => normalArray(N * H * D, seed)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const dense = [{ segment: N, dilation: 1 }];
    const branches = [1, 4, 16].map((dilation) => ({ segment: Math.ceil((N * dilation) / 16), dilation }));
    const threads = Math.max(...devices.map((device) => device.info.threads));
    for (const device of devices) rows.push(...(await ours(device, operands, N, branches)));
    const widest = devices.at(-1);
    if (widest) rows.push(await ourDense(widest, operands, N));
    if (!peers) continue;
    const [q, k, v] = operands;
    const work = {
      what: `dense forward N=${N}`,
      flops: flopsOf(N, dense),
      errorOf: (result: ArrayLike<number>) => sampledRowError({ q, k, v, N, H, D }, dense, result),
      bytes: 2 * H * N * N * 4,
    };
    rows.push(...(await timePeers({ ...work, prepare: (peer) => peer.attention(q, k, v, [N, H, D]) }, threads)));
  }
  return rows;
}

function flopsOf(N: number, branches: readonly Branch[]): number {
  return attentionFlops({ N, H, D }, { branches }).nominal;
}

async function ours(
  device: Device,
  [q, k, v]: readonly [Float32Array, Float32Array, Float32Array],
  N: number,
  branches: Branch[],
): Promise<Row[]> {
  return withOperands(device, [q, k, v], N, async (tq, tk, tv) => {
    const flops = flopsOf(N, branches);
    const errorOf = (result: ArrayLike<number>) => sampledRowError({ q, k, v, N, H, D }, branches, result);
    const forward = () => dilatedAttention(tq, tk, tv, { branches }).out;
    const both = () => valueAndGrad([tq, tk, tv], () => sum(forward())).value;
    return [
      await timeOurs(device, { what: `dilated forward N=${N}`, flops, work: forward, errorOf }),
      await timeOurs(device, { what: `dilated forward+backward N=${N}`, flops: 3.5 * flops, work: both }),
    ];
  });
}

async function ourDense(
  device: Device,
  [q, k, v]: readonly [Float32Array, Float32Array, Float32Array],
  N: number,
): Promise<Row> {
  const dense = [{ segment: N, dilation: 1 }];
  return withOperands(device, [q, k, v], N, (tq, tk, tv) =>
    timeOurs(device, {
      what: `dense forward N=${N}`,
      flops: flopsOf(N, dense),
      work: () => attention(tq, tk, tv).out,
      errorOf: (result) => sampledRowError({ q, k, v, N, H, D }, dense, result),
    }),
  );
}

async function withOperands<R>(
  device: Device,
  arrays: readonly Float32Array[],
  N: number,
  use: (q: Tensor, k: Tensor, v: Tensor) => Promise<R>,
): Promise<R> {
  const tensors = arrays.map((data, i) => device.tensor(data, [1, N, H, D], { label: "qkv"[i] ?? "operand" }));
  try {
    return await use(...(tensors as [Tensor, Tensor, Tensor]));
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}
