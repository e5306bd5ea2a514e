import type { Device } from "@dilated/core";
import { attention, attentionFlops, type Branch, dilatedAttention } from "@dilated/kernels";

/** What attention costs at one shape, counted and timed. */
export interface AttentionCost {
  readonly dilatedFlops: number;
  readonly denseFlops: number;
  readonly dilatedMs: number;
  readonly denseMs: number;
}

/** Counts and times one causal forward pass, dilated and dense, on this device. */
export async function attentionCost(
  device: Device,
  shape: readonly [number, number, number, number],
  branches: readonly Branch[],
): Promise<AttentionCost> {
  const [B, N, H, D] = shape;
  const dense = [{ segment: N, dilation: 1 }];
  const flops = (list: readonly Branch[]) => attentionFlops({ B, N, H, D }, { branches: list, causal: true }).exact;
  const input = (seed: number) => device.randomNormal(shape, { seed, label: "cost" });
  using q = input(1);
  using k = input(2);
  using v = input(3);
  const time = async (work: () => unknown): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      await device.sync();
      const start = performance.now();
      device.scope(() => void work());
      await device.sync();
      times.push(performance.now() - start);
    }
    return Math.min(...times);
  };
  return {
    dilatedFlops: flops(branches),
    denseFlops: flops(dense),
    dilatedMs: await time(() => dilatedAttention(q, k, v, { branches, causal: true })),
    denseMs: await time(() => attention(q, k, v, { causal: true })),
  };
}
