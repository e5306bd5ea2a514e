import type { Device } from "@dilated/core";
import fc from "fast-check";
import { attentionCase, type CaseBounds } from "./arbitrary.ts";
import { type AttentionCase, type CaseInputs, caseInputs } from "./cases.ts";
import { type Results, referenceCase, runCase } from "./run-case.ts";

/** Values put in places of the operands of a case. */
export interface Planted {
  readonly test: AttentionCase;
  readonly plants: readonly Plant[];
}

interface Plant {
  readonly tensor: "q" | "k" | "v" | "dout";
  /** Where, as a part of the tensor's length. */
  readonly at: number;
  readonly value: number;
}

const NOT_FINITE = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Random cases with one to three of these values somewhere, which are not finite unless given. */
export function planted(
  bounds: CaseBounds,
  tensors: readonly Plant["tensor"][] = ["q", "k", "v", "dout"],
  values: readonly number[] = NOT_FINITE,
): fc.Arbitrary<Planted> {
  const plant = fc.record({
    tensor: fc.constantFrom(...tensors),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    value: fc.constantFrom(...values),
  });
  return fc.record({ test: attentionCase(bounds), plants: fc.array(plant, { minLength: 1, maxLength: 3 }) });
}

/** Some of them. */
export function samplePlanted(bounds: CaseBounds, count: number, seed: number): Planted[] {
  return fc.sample(planted(bounds), { numRuns: count, seed });
}

/** The operands of a case with what was planted. */
export function plantedInputs({ test, plants }: Planted): CaseInputs {
  const inputs = caseInputs(test);
  for (const { tensor, at, value } of plants) inputs[tensor][Math.floor(at * inputs[tensor].length)] = value;
  return inputs;
}

/** Places of results that are finite on the device and not in the oracle, or the other way round, in words: none, if all is right. */
export async function wrongPlaces(
  device: Device,
  planted: Planted,
  dtype: "f32" | "f16" = "f32",
  results: readonly (keyof Results)[] = ["out", "lse", "dq", "dk", "dv"],
): Promise<string[]> {
  const inputs = plantedInputs(planted);
  const wanted = referenceCase(planted.test, inputs);
  const got = await runCase(device, planted.test, { inputs, dtype });
  return results.flatMap((tensor) =>
    differences(got, wanted, tensor).map((text) => `${tensor}${text}: ${JSON.stringify(planted)}`),
  );
}

function differences(got: Results, wanted: Results, tensor: keyof Results): string[] {
  return Array.from(wanted[tensor], (value, i) => [i, got[tensor][i] as number, value] as const)
    .filter(([, a, b]) => Number.isFinite(a) !== Number.isFinite(b))
    .slice(0, 5)
    .map(([i, a, b]) => `[${i}] ${a}, not ${b}`);
}
