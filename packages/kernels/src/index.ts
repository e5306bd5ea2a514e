export { type GeluOptions, gelu, relu, sigmoid, silu, tanh } from "./activation/activation.ts";
export { add, mul, sub } from "./elementwise/binary.ts";
export { scale, square } from "./elementwise/scale.ts";
export { type GluOptions, glu } from "./glu/glu.ts";
export { layerNorm, type NormOptions, rmsNorm } from "./norm/norm.ts";
export { max } from "./reduce/max.ts";
export { mean, sum } from "./reduce/reduce.ts";
export type { ReduceOptions } from "./reduce/reduce.options.ts";
export { softmax } from "./softmax/softmax.ts";
