import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { outcome } from "../gpu/peer-row.ts";
import { findPyTorchScript, openPyTorch } from "./pytorch.ts";

const hasPython = (() => {
  try {
    execFileSync("python3", ["--version"]);
    return true;
  } catch {
    return false;
  }
})();

/** A stand-in that speaks the same protocol. */
const script = (text: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), "peer-")), "peer.py");
  writeFileSync(path, `import json, sys, time\n${text}`);
  return path;
};
const echo = `
for line in sys.stdin:
    request = json.loads(line)
    if request["kind"] == "lm": time.sleep(30)
    print("noise of a library")
    if request["kind"] == "dense":
        print(json.dumps({"failed": "a broken device", "fatal": True}), flush=True)
        continue
    print(json.dumps({**request, "ms": 2, "flops": 4e9, "error": float("nan")}), flush=True)
`;

test.runIf(hasPython)("asks, and hears", async () => {
  const peer = await openPyTorch(script(echo));
  if (typeof peer === "string") throw new Error(peer);
  expect(await peer.ask({ kind: "matmul", n: 64 })).toMatchObject({ kind: "matmul", n: 64, ms: 2, error: null });
  peer.close();
});

/** Limits catch hangs: starting Python takes seconds where the machine is busy. */
test.runIf(hasPython)(
  "ends a process that takes too long or is broken, and asks another one next",
  async () => {
    const peer = await openPyTorch(script(echo));
    if (typeof peer === "string") throw new Error(peer);
    expect(await peer.ask({ kind: "lm" }, 200)).toEqual({ failed: "took longer than 0.2 s" });
    expect(await peer.ask({ kind: "matmul" })).toMatchObject({ ms: 2 });
    expect(await peer.ask({ kind: "dense" })).toMatchObject({ failed: "a broken device", fatal: true });
    expect(await peer.ask({ kind: "matmul" })).toMatchObject({ ms: 2 });
    for (let i = 0; i < 2; i++) expect(await peer.ask({ kind: "dense" })).toMatchObject({ fatal: true });
    expect(await peer.ask({ kind: "dense" })).toMatchObject({ fatal: true });
    expect(await peer.ask({ kind: "matmul" })).toEqual({ failed: "it was ended" }); // as often as that, and no more
  },
  120_000,
);

test.runIf(hasPython)("the reason where it cannot start", async () => {
  expect(await openPyTorch(script("raise ImportError('no torch here')"))).toMatch(
    /no PyTorch with CUDA: .*no torch here/,
  );
});

test("no script", async () => {
  expect(findPyTorchScript("/nowhere/at/all.mjs")).toBeUndefined();
});

test("a reply as a row", () => {
  expect(outcome({ ms: 2, flops: 4e9, peakBytes: 7 })).toEqual({ ms: 2, gpuMs: 2, gflops: 2000, peakBytes: 7 });
  expect(outcome({ wrong: "out off by 1" })).toEqual({ note: "WRONG: out off by 1" });
  expect(outcome({ failed: "out of memory" })).toEqual({ note: "failed: out of memory" });
});
