import { type Device, readSafetensors } from "@dilated/core";
import type { AttentionCase, CaseInputs } from "@dilated-internal/attention-kit/cases";
import { runCase } from "@dilated-internal/attention-kit/run-case";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** A software adapter compiles a kernel for half a minute when it sees it first. */
/** The goldens are f64 results stored as f32. */
const TOLERANCE = { atol: 2e-5 };

interface GoldenConfig {
  readonly B: number;
  readonly N: number;
  readonly H: number;
  readonly D: number;
  readonly segs: readonly number[];
  readonly rates: readonly number[];
  readonly causal?: boolean;
  readonly kind: "attention" | "partitioned";
}

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

describe("the PyTorch goldens", () => {
  it.each([
    ["dilated_attention", new URL("../../../test/fixtures/dilated_attention.safetensors", import.meta.url)],
    ["partitioned", new URL("../../../test/fixtures/partitioned.safetensors", import.meta.url)],
  ])("%s", async (_, url) => {
    const { metadata, tensors } = readSafetensors(await load(url));
    const names = Object.keys(metadata);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const { B, N, H, D, segs, rates, causal, kind } = JSON.parse(metadata[name] ?? "") as GoldenConfig;
      const golden = (tensor: string): Float32Array | undefined =>
        tensors.get(`${name}.${tensor}`)?.data as Float32Array | undefined;
      const [q, k, v] = [golden("q"), golden("k"), golden("v")];
      if (!q || !k || !v) throw new Error(`${name}: the golden file lacks operands`);
      const inputs: CaseInputs = { q, k, v, dout: golden("dout") ?? new Float32Array(q.length), keyMask: undefined };
      const branches = segs.map((segment, i) => ({ segment, dilation: rates[i] ?? 1 }));
      const style =
        kind === "partitioned"
          ? ({ heads: "partitioned" } as const)
          : ({ headOffset: "block", remainder: "zeroPad" } as const);
      for (const gradient of ["exact", "detached"] as const) {
        const test: AttentionCase = {
          name,
          B,
          N,
          H,
          D,
          options: { branches, causal: causal ?? false, gradient, ...style },
        };
        const got = await runCase(device, test, { inputs });
        expect(got.out, `${name}.out`).toBeAllClose(golden("out") ?? [], TOLERANCE);
        for (const x of ["dq", "dk", "dv"] as const) {
          const want = golden(gradient === "exact" ? x : `${x}_stopped`);
          if (want) expect(got[x], `${name}.${x}, ${gradient}`).toBeAllClose(want, TOLERANCE);
        }
      }
    }
  });
});

/** Node has no fetch for files, a browser no file system. */
async function load(url: URL): Promise<Uint8Array> {
  if (url.protocol !== "file:") return new Uint8Array(await (await fetch(url)).arrayBuffer());
  const { readFile } = await import("node:fs/promises");
  return readFile(url);
}
