import { expect, it } from "vitest";
import { depthGains, magnetoGain } from "./magneto.ts";

const near = (actual: number, expected: number) => expect(actual).toBeCloseTo(expected, 12);

it("sub-LN: MAGNETO, table 2", () => {
  near(depthGains("sub", { role: "encoder", layers: 12 }).gain, Math.sqrt(Math.log(24)));
  near(depthGains("sub", { role: "decoder", layers: 6 }).gain, magnetoGain(6));
  const [N, M] = [18, 6];
  near(
    depthGains("sub", { role: "encoder", layers: N, other: M }).gain,
    Math.sqrt((Math.log(3 * M) * Math.log(2 * N)) / 3),
  );
  near(depthGains("sub", { role: "decoder", layers: M, other: N }).gain, Math.sqrt(Math.log(3 * M)));
  expect(depthGains("sub", { role: "decoder", layers: M, other: N })).toMatchObject({ alpha: 1, crossGain: 1 });
});

it("deepnorm: DeepNet, figure 2", () => {
  const alone = depthGains("deep", { role: "encoder", layers: 3 });
  near(alone.alpha, 6 ** 0.25);
  near(alone.gain, 24 ** -0.25);
  const [N, M] = [18, 6];
  const encoder = depthGains("deep", { role: "encoder", layers: N, other: M });
  near(encoder.alpha, 0.81 * (N ** 4 * M) ** (1 / 16));
  near(encoder.gain, 1.15 * (N ** 4 * M) ** (-1 / 16));
  const decoder = depthGains("deep", { role: "decoder", layers: M, other: N });
  near(decoder.alpha, (3 * M) ** 0.25);
  near(decoder.gain, (12 * M) ** -0.25);
  expect(decoder.crossGain).toBe(decoder.gain);
});

it.each(["pre", "post"] as const)("%s: no gains", (norm) => {
  expect(depthGains(norm, { role: "decoder", layers: 9 })).toEqual({ gain: 1, crossGain: 1, alpha: 1 });
});
