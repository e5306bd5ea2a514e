import type { Tensor } from "../tensor/tensor.ts";

export interface RandomOptions {
  readonly seed: number;
  readonly stream?: number;
  readonly mean?: number;
  readonly std?: number;
}
export function randomUniform(into: Tensor, _options: RandomOptions): Tensor {
  return into;
}
export function randomNormal(into: Tensor, _options: RandomOptions): Tensor {
  return into;
}
