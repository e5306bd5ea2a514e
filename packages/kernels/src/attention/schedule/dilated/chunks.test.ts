import { attentionCase } from "@dilated-internal/attention-kit/arbitrary";
import { type AttentionCase, attentionCases, resolveCase } from "@dilated-internal/attention-kit/cases";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResolvedAttention, ResolvedBranch } from "../../pattern/options.ts";
import { CPU_WORDS } from "../schedule.ts";
import { backwardPasses, forwardPasses } from "./chunks.ts";
import { keysOfRow } from "./geometry.ts";

/** The oracle's (branch, h, t, u), and the zero keys of each (branch, h, t). */
function definition(resolved: ResolvedAttention): { pairs: string[]; zeros: string[] } {
  const pairs: string[] = [];
  const zeros: string[] = [];
  for (let h = 0; h < resolved.H; h++) {
    for (let t = 0; t < resolved.N; t++) {
      for (const { part, keys, zeros: padding } of keysOfRow(resolved, h, t)) {
        for (const u of keys) pairs.push(`${part} ${h} ${t} ${u}`);
        if (padding > 0) zeros.push(`${part} ${h} ${t} ${padding}`);
      }
    }
  }
  return { pairs: pairs.sort(), zeros: zeros.sort() };
}

/** Rows of a line of a table: places and positions. */
function line([place = 0, count = 0, pitch = 0, position = 0, step = 0]: Int32Array): { place: number; at: number }[] {
  return Array.from({ length: count }, (_, i) => ({ place: place + pitch * i, at: position + step * i }));
}

function check(test: AttentionCase, rows: number): void {
  const resolved = resolveCase(test);
  const wanted = definition(resolved);
  const forward: string[] = [];
  const zeros: string[] = [];
  forwardPasses(resolved, rows).forEach((pass, part) => {
    for (let h = pass.headStart; h < pass.headEnd; h++) {
      for (let i = 0; i < pass.chunkCount; i++) {
        const at = (i * pass.patternCount + (pass.headPatterns[h] as number)) * CPU_WORDS.chunk;
        const chunk = pass.chunks.subarray(at, at + CPU_WORDS.chunk);
        const [, count = 0, , , , runBegin = 0, runEnd = 0, padding = 0] = chunk;
        expect(count).toBeLessThanOrEqual(rows);
        for (const query of line(chunk)) {
          if (padding > 0) zeros.push(`${part} ${h} ${query.place} ${padding}`);
          for (let run = runBegin; run < runEnd; run++) {
            for (const key of line(pass.runs.subarray(run * CPU_WORDS.run))) {
              const ahead = key.at - query.at;
              if (ahead >= pass.low && ahead <= pass.high) forward.push(`${part} ${h} ${query.place} ${key.place}`);
            }
          }
        }
      }
    }
  });
  expect(forward.sort()).toEqual(wanted.pairs);
  expect(zeros.sort()).toEqual(wanted.zeros);

  const backward: string[] = [];
  resolved.branches.forEach((branch: ResolvedBranch, part) => {
    for (const pass of backwardPasses({ ...resolved, branches: [branch] }, rows)) {
      for (let h = pass.headStart; h < pass.headEnd; h++) {
        const seen = new Set<string>();
        for (let i = 0; i < pass.blockCount; i++) {
          const at = (i * pass.patternCount + (pass.headPatterns[h] as number)) * CPU_WORDS.block;
          const keys = line(pass.blocks.subarray(at, at + 5));
          const queries = line(pass.blocks.subarray(at + 5, at + 10));
          if (keys.length === 0) continue;
          // No two blocks of a launch share rows.
          for (const row of [...keys.map(({ place }) => `k${place}`), ...queries.map(({ place }) => `q${place}`)]) {
            expect(seen.has(row)).toBe(false);
            seen.add(row);
          }
          for (const query of queries) {
            for (const key of keys) {
              const ahead = key.at - query.at;
              if (ahead >= pass.low && ahead <= pass.high) backward.push(`${part} ${h} ${query.place} ${key.place}`);
            }
          }
        }
      }
    }
  });
  expect(backward.sort()).toEqual(wanted.pairs);
}

describe("work items of the CPU", () => {
  it.each(attentionCases.map((test) => [test.name, test] as const))(
    "cover the definition and its zero keys: %s",
    (_name, test) => check(test, 16),
  );

  it("cover the definition and its zero keys for random configurations", () => {
    const small = attentionCase({ N: 60, H: 5, D: [4] });
    fc.assert(fc.property(small, fc.constantFrom(1, 3, 8, 16, 64), check), { numRuns: 150 });
  });
});
