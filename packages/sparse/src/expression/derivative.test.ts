import { ConfigError } from "@dilated/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { capture } from "./capture.ts";
import { closureOf } from "./closure.ts";
import { derivativeOf } from "./derivative.ts";
import { capturedGradients } from "./gradients.ts";
import type { NumberNode } from "./node.ts";
import { type ScoreArguments, scoreArguments } from "./variables.ts";

const at = { q: 5, k: 3, h: 1, qLength: 8, kLength: 8 };
const table = capture([0.5, -1.5, 2, 0.25, 1, 3, -2, 0.75]);
type Score = (args: ScoreArguments) => NumberNode<"f32">;

/** The score functions that the field knows, and one of each operator. */
const SCORES: Readonly<Record<string, Score>> = {
  ALiBi: ({ score, q, k }) => score.sub(q.sub(k).abs().toF32().mul(0.125)),
  "soft cap": ({ score }) => score.div(30).tanh().mul(30),
  "relative bias": ({ score, q, k }) => score.add(table.at(q.sub(k).max(0).min(7))),
  "distance decay": ({ score, q, k }) => score.mul(q.sub(k).toF32().mul(-0.1).exp()),
  "scaled by head": ({ score, h }) => score.mul(table.at(h)).add(score.mul(score)),
  quotient: ({ score }) => score.div(score.mul(score).add(1)),
  powers: ({ score }) => score.abs().add(1).pow(1.5).add(score.abs().add(2).sqrt().log()),
  "powers by score": ({ score }) => score.mul(0).add(1.5).pow(score),
  kinks: ({ score }) => score.max(0.25).min(3).sub(score.neg().mod(1.25)),
  choice: ({ score, q, k }) => q.gt(k).select(score.mul(2), score.floor().add(score.mul(score))),
};

it.each(Object.entries(SCORES))("the derivative of %s is the limit of its differences", (_, of) => {
  const root = of(scoreArguments());
  const value = closureOf(root);
  const derivative = derivativeOf(root, ({ name }) => name === "score");
  if (derivative === undefined) throw new Error("the score is not used");
  const slope = closureOf(derivative);
  const step = 2 ** -6;
  for (const score of [-2.3, -0.7, 0.4, 1.7, 2.6]) {
    const differences = [step, step / 2].map(
      (half) => (value({ ...at, score: score + half }) - value({ ...at, score: score - half })) / (2 * half),
    );
    // Of second order: the next term is known from two steps.
    const [wide = 0, narrow = 0] = differences;
    expect(slope({ ...at, score })).toBeCloseTo((4 * narrow - wide) / 3, 2);
  }
});

it("elements that are read have derivatives, by the forms of their index", () => {
  const values = capture(new Float32Array(64), { shape: [8, 8] });
  const forms = (of: (args: ScoreArguments) => NumberNode<"f32">) =>
    capturedGradients(of(scoreArguments()), () => true).map((each) => each.forms.join(" "));
  expect(forms(({ score, h }) => score.mul(table.at(h)))).toEqual(["h"]);
  expect(forms(({ score, q, k, kLength }) => score.add(table.at(q.sub(k).add(kLength).sub(1))))).toEqual(["q-k"]);
  expect(forms(({ score, h, k, q }) => score.add(values.at(h, k.sub(q))))).toEqual(["h k-q"]);
  expect(forms(({ score, h, k, q }) => score.add(values.at(h, k.sub(q).abs())))).toEqual(["h table"]);
  expect(forms(({ score, q, k }) => score.add(values.at(q.bitAnd(7), k.bitAnd(7))))).toEqual(["table table"]);
  expect(forms(({ score, q, k }) => score.mul(table.at(q)).add(table.at(k)).add(table.at(3)))).toEqual([
    ...["q", "k", "fixed"],
  ]);
  expect(() => forms(({ score, q, k }) => score.add(values.at(q, k)))).toThrow(ConfigError);
  const large = capture(new Float32Array(5000));
  expect(() => forms(({ score, q, k }) => score.add(large.at(q.mul(k))))).toThrow(/no gradient[\s\S]*\[5000\]/);
});

it("the derivative by an element is the limit of differences of that element", () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2), fc.float({ min: -2, max: 2, noNaN: true }), (h, score) => {
      const scores = (values: Float32Array) => {
        const slopes = capture(values);
        const args = scoreArguments();
        return args.score.mul(slopes.at(args.h)).add(slopes.at(args.h).exp());
      };
      const values = Float32Array.of(0.5, -0.25, 1);
      const [gradient, ...others] = capturedGradients(scores(values), () => true);
      expect(others).toEqual([]);
      const moved = (by: number) =>
        closureOf(scores(values.map((x, i) => (i === h ? x + by : x))))({ ...at, h, score });
      const slope = closureOf((gradient as NonNullable<typeof gradient>).derivative)({ ...at, h, score });
      expect(slope).toBeCloseTo((moved(2 ** -7) - moved(-(2 ** -7))) * 2 ** 6, 2);
    }),
    { numRuns: 20 },
  );
});
