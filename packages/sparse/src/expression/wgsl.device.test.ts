import { defineKernel } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, inject, it } from "vitest";
import { layoutOf, writeCaptures } from "./captures.ts";
import { closureOf } from "./closure.ts";
import type { Node } from "./node.ts";
import { programOf } from "./program.ts";
import { randomPoint, randomTree, SIZES } from "./test-utils/random.ts";
import { wgslOf } from "./wgsl.ts";

const FUNCTIONS = 60;
const POINTS = 64;

const bitsOf = (value: number, type: string): number =>
  type === "f32" ? (new Int32Array(Float32Array.of(value).buffer)[0] as number) : value | 0;

/** Without exponentials and quotients of f32, which every driver rounds in a way of its own. */
const trees: fc.Arbitrary<Node> = fc
  .constantFrom("bool", "i32", "u32", "f32")
  .chain((type) => randomTree(type as "bool", true));

// One kernel has all functions: software adapters compile for longer than they run.
it.runIf(inject("backend") === "webgpu")("the WGSL of random trees computes what their closures do", async () => {
  using device = await openTestDevice();
  const roots = fc.sample(trees, { numRuns: FUNCTIONS, seed: 14 });
  const points = fc.sample(randomPoint, { numRuns: POINTS, seed: 15 });
  const programs = roots.map(programOf);
  const captures = programs.flatMap((program) => program.captures);
  const layout = layoutOf(captures);
  const words = new Uint32Array(layout.length);
  writeCaptures(captures, layout, words);

  let first = 0;
  const texts = programs.map((program, i) => {
    const begin = layout.parameterAt[first] ?? 0;
    first += program.captures.length;
    return wgslOf(program, {
      name: `random_${i}`,
      word: (at) => `words[${at}]`,
      parameter: (p) => `layout_words[${begin + p}]`,
    });
  });
  const cast = { bool: (x: string) => `i32(${x})`, i32: (x: string) => x, u32: bitcast, f32: bitcast };
  const calls = programs.map(({ type, uses }, i) => {
    const score = uses("score") || type === "f32" ? ", scores[p]" : "";
    const at = [0, 1, 2, 3].map((column) => `places[p * 4 + ${column}]`).join(", ");
    return `  results[${i * POINTS} + p] = ${cast[type](`random_${i}(${at}, params.queries, params.keys${score})`)};`;
  });
  const raw = { access: "read", view: "raw" } as const;
  const kernel = defineKernel({
    name: "expressions",
    tensors: { words: raw, layout_words: raw, places: raw, scores: raw, results: { ...raw, access: "write" } },
    scalars: { queries: "i32", keys: "i32" },
    wgsl: {
      source: `${texts.join("\n")}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) p: u32) {
  if (group_index(w) >= params.group_count) { return; }
${calls.join("\n")}
}`,
    },
  });
  const i32 = { dtype: "i32" } as const;
  const results = device.zeros([FUNCTIONS * POINTS], i32);
  const parameters = layout.parameters;
  device.run(kernel, {
    tensors: {
      words: device.tensor(words, [words.length], { dtype: "u32" }),
      layout_words: device.tensor(parameters, [parameters.length], i32),
      places: device.tensor(Int32Array.from(points.flatMap(({ b, h, q, k }) => [b, h, q, k])), [POINTS, 4], i32),
      scores: device.tensor(
        Float32Array.from(points, ({ score = 0 }) => score),
        [POINTS],
      ),
      results,
    },
    scalars: { queries: SIZES.N, keys: SIZES.M },
    groups: 1,
    items: 1,
  });
  const found = await results.data();
  for (const [i, root] of roots.entries()) {
    const closure = closureOf(root);
    const expected = points.map((point) => closure(point));
    const got = Array.from(found.subarray(i * POINTS, (i + 1) * POINTS));
    // Zeros have two signs, which drivers may lose.
    const wanted = expected.map((value) => bitsOf(value + 0, root.type));
    const text = texts[i] as string;
    for (const [p, bits] of got.entries())
      if (Number.isFinite(expected[p]) && bits !== wanted[p] && !(expected[p] === 0 && bits === -(2 ** 31)))
        expect.fail(`${bits} in place of ${wanted[p]} at ${JSON.stringify(points[p])}\n${text}`);
  }
});

const bitcast = (x: string): string => `bitcast<i32>(${x})`;
