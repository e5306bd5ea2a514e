import type { Device } from "@dilated/core";
import { matmul } from "@dilated/kernels";
import { timePeers } from "../peers/libraries.ts";
import type { Row } from "../row.ts";
import { timeOurs } from "./ours.ts";
import { normalArray } from "./random.ts";
import type { SuiteContext } from "./suite.ts";

/** f32 matmul n^3. */
export async function cpuMatmulSuite({ devices, sizes = [512, 1024], peers }: SuiteContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const n of sizes) {
    const what = `matmul f32 ${n}^3`;
    const flops = 2 * n ** 3;
    const [a, b] = [normalArray(n * n, 1), normalArray(n * n, 2)];
    const errorOf = (result: ArrayLike<number>) => sampledError(a, b, n, result);
    for (const device of devices) rows.push(await ours(device, a, b, n, { what, flops, errorOf }));
    if (peers)
      rows.push(
        ...(await timePeers(
          { what, flops, errorOf, bytes: 12 * n * n, prepare: (peer) => peer.matmul(a, b, n) },
          threadsOf(devices),
        )),
      );
  }
  return rows;
}

async function ours(
  device: Device,
  a: Float32Array,
  b: Float32Array,
  n: number,
  job: { what: string; flops: number; errorOf: (y: ArrayLike<number>) => number },
): Promise<Row> {
  using x = device.tensor(a, [n, n], { label: "a" });
  using y = device.tensor(b, [n, n], { label: "b" });
  return await timeOurs(device, { ...job, work: () => matmul(x, y) });
}

/** 64 elements against f64 sums. */
function sampledError(a: Float32Array, b: Float32Array, n: number, result: ArrayLike<number>): number {
  let worst = 0;
  for (let s = 0; s < 64; s++) {
    const [i, j] = [(s * 7919) % n, (s * 104_729 + 13) % n];
    let exact = 0;
    for (let k = 0; k < n; k++) exact += (a[i * n + k] as number) * (b[k * n + j] as number);
    const error = Math.abs((result[i * n + j] as number) - exact);
    worst = Math.max(worst, error); // NaN wins
  }
  return worst;
}

function threadsOf(devices: readonly Device[]): number {
  return Math.max(...devices.map((device) => device.info.threads));
}
