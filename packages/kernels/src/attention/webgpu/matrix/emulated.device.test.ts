import type { Device } from "@dilated/core";
import { sampleCases } from "@dilated-internal/attention-kit/arbitrary";
import {
  type AttentionCase,
  attentionCases,
  type CaseInputs,
  caseInputs,
  resolveCase,
} from "@dilated-internal/attention-kit/cases";
import { compareCase } from "@dilated-internal/attention-kit/compare-case";
import { planted, wrongPlaces } from "@dilated-internal/attention-kit/non-finite";
import { type RunOptions, runCase } from "@dilated-internal/attention-kit/run-case";
import { type AddTest, onEmulatedMatrix } from "@dilated-internal/testing/on-emulated-matrix";
import fc from "fast-check";
import { expect } from "vitest";
import { choose } from "../../../tune/choice.ts";
import { dilated } from "../../schedule/dilated/dilated.ts";
import type { KernelRole } from "../kernels.ts";
import { type MatrixCut, matrixRows, matrixTile } from "./tile.ts";

// A software adapter compiles each of these kernels for seconds: one variant of each for one kind of cases, and many cases on it. Small cuts compile faster.

type Cuts = Readonly<Record<KernelRole, MatrixCut>>;

const NAMES = ["attention_forward_matrix", "attention_backward_query_matrix", "attention_backward_key_matrix"];

/** Tests whose kernels are cut like this. */
function withCuts(add: AddTest, D: number, cuts: Cuts): AddTest {
  return (name, work) =>
    add(name, (device) => {
      cutInto(device, D, cuts);
      return work(device);
    });
}

/** Makes the cuts those of this head dim, and expects that they are used. */
function cutInto(device: Device, D: number, cuts: Cuts): void {
  for (const kernel of ["forward", "query", "key"] as const) {
    choose(device, `attention.${kernel}.${D}`, cuts[kernel]);
    expect(matrixTile(device, "f16", kernel, { D })).toMatchObject(cuts[kernel]);
  }
}

/** Forward and gradients by the 2x rule. */
async function check(device: Device, test: AttentionCase, options?: Omit<RunOptions, "dtype">): Promise<void> {
  for (const { tensor, error, limit } of await compareCase(device, test, "f16", options)) {
    expect(error, `${test.name}: ${tensor}`).toBeLessThanOrEqual(limit);
  }
}

const named = (...names: readonly string[]): AttentionCase[] =>
  names.map((name) => attentionCases.find((test) => test.name === name) as AttentionCase);

/** Random cases, long enough for the 2x rule to mean something: of a few rows or keys, f16 may be exact by chance. */
const sample = (D: number, seed: number): AttentionCase[] =>
  sampleCases({ N: 72, H: 4, D: [D] }, 40, seed).filter(({ N, M = N }) => N >= 16 && M >= 16);

/** Drops the mask and dropout of cases, or gives them both. */
const plain = (test: AttentionCase): AttentionCase => ({
  ...test,
  mask: undefined,
  options: { ...test.options, dropout: undefined },
});
const full = (test: AttentionCase): AttentionCase => ({
  ...test,
  mask: test.mask ?? "some",
  options: { ...test.options, dropout: { p: 0.3, seed: 7 } },
});

/** Scores climb by 27 nats after the first keys, which is more than the guess of the maximum leaves room for, and stay there. */
function climbing(test: AttentionCase): CaseInputs {
  const inputs = caseInputs(test);
  const { N, H, D } = test;
  for (let row = 0; row < N * H; row++) {
    inputs.q[row * D] = 12;
    inputs.k[row * D] = Math.min(Math.floor(row / H), 24);
  }
  return inputs;
}

onEmulatedMatrix(
  "attention, f16 operands, D = 16",
  { operand: "f16", M: 8, N: 8, K: 8 },
  (add) => {
    const test = withCuts(add, 16, {
      forward: { SUBGROUPS_M: 2, SUBGROUPS_N: 1, ROW_TILES: 1, BLOCK_N: 16 },
      query: { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
      key: { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
    });
    const ladder = named("paper ladder")[0] as AttentionCase;

    test("plain cases", async (device) => {
      const cases = named(
        "N not a multiple of w, zero-padded",
        "w not a multiple of r",
        "H not a multiple of r, block offsets",
        "w > N, zero-padded",
        "duplicate branches",
        "segments not nested",
        "uncovered rows, causal",
        "causal, ragged, zero-padded",
        "packed sequences, zero-padded",
        "grouped-query heads",
        "multi-query heads",
        "torchscale",
        "partitioned",
      );
      for (const one of cases) await check(device, one);
    });
    test("several launches that carry on", async (device) => {
      const rows = matrixRows(matrixTile(device, "f16", "forward", ladder) as never);
      const launches = (one: AttentionCase) => dilated(resolveCase(one)).launches("query", { rows }).length;
      const [many] = named("partitioned")
        .concat(attentionCases)
        .filter((one) => one.D === 16 && launches(one) > 1);
      expect(many).toBeDefined();
      await check(device, plain(many as AttentionCase));
    });
    test("gradients through lse", async (device) => {
      for (const gradient of ["exact", "detached"] as const) {
        const one = { ...ladder, options: { ...ladder.options, causal: true, gradient } };
        await check(device, one, { dlse: Float32Array.from({ length: 2 * 4 * 64 }, (_, i) => Math.sin(i)) });
      }
    });
    test("rows with one key, whose outputs f16 rounds, have no gradient of q and k", async (device) => {
      // A third of v is not a number of f16.
      const branches = [
        { segment: 1, dilation: 2 },
        { segment: 64, dilation: 8 },
        { segment: 8, dilation: 1 },
      ];
      const one: AttentionCase = {
        ...ladder,
        name: "alone",
        N: 6,
        H: 2,
        options: { branches, causal: true, heads: "partitioned" },
      };
      await check(device, one);
      const { dq, dk } = await runCase(device, one, { dtype: "f16" });
      expect(Array.from(dq).concat(Array.from(dk)).filter(Boolean)).toEqual([]);
    });
    test("rows whose maximum was guessed too low", async (device) => {
      const one: AttentionCase = { ...ladder, B: 1, options: { branches: [{ segment: 64, dilation: 1 }] } };
      await check(device, one, { inputs: climbing(one) });
    });
    test("random cases", async (device) => {
      for (const one of sample(16, 1)) await check(device, plain(one));
    });
    test("NaN and infinity, which exact kernels find and repair", async (device) => {
      for (const { test: one, plants } of fc.sample(planted({ N: 72, H: 4, D: [16] }), { numRuns: 12, seed: 4 })) {
        expect(await wrongPlaces(device, { test: plain(one), plants }, "f16")).toEqual([]);
      }
      // And no mark is left that the next call could take for its own.
      await check(device, ladder);
    });
  },
  NAMES,
);

onEmulatedMatrix(
  "attention, f32 operands, masks and dropout, D = 16",
  { operand: "f32", M: 8, N: 8, K: 8 },
  (add) => {
    const test = withCuts(add, 16, {
      forward: { SUBGROUPS_M: 2, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
      query: { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
      key: { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
    });
    test("masks and dropout", async (device) => {
      const cases = named(
        "everything on",
        "everything on, torchscale",
        "partitioned, everything on",
        "rows that see no key",
        "a batch row that sees no key",
        "a batch row that sees zero keys only",
        "dropout, detached, zero-padded",
      );
      for (const one of cases) await check(device, full(one));
    });
    test("random cases", async (device) => {
      for (const one of sample(16, 2)) await check(device, full(one));
    });
    test("NaN and infinity, which exact kernels find and repair", async (device) => {
      for (const { test: one, plants } of fc.sample(planted({ N: 72, H: 4, D: [16] }), { numRuns: 8, seed: 5 })) {
        expect(await wrongPlaces(device, { test: full(one), plants }, "f16")).toEqual([]);
      }
    });
  },
  NAMES,
);

onEmulatedMatrix(
  "attention, f16 operands, D = 32",
  { operand: "f16", M: 8, N: 16, K: 16 },
  (add) => {
    const test = withCuts(add, 32, {
      forward: { SUBGROUPS_M: 2, SUBGROUPS_N: 1, ROW_TILES: 2, BLOCK_N: 16 },
      query: { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
      key: { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
    });
    test("random cases", async (device) => {
      for (const one of sample(32, 3)) await check(device, plain(one));
    });
  },
  NAMES,
  { thorough: true },
);
