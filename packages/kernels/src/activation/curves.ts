/** Codes of the curves in curves.wgsl, elementwise/exp.wgsl and assembly/activation.ts. `scale` is a·x. */
export const CURVES = {
  relu: 0,
  silu: 1,
  gelu: 2,
  geluTanh: 3,
  sigmoid: 4,
  tanh: 5,
  square: 6,
  scale: 7,
  exp: 8,
  log: 9,
  abs: 10,
} as const;

/** Name of a curve f(x) that the elementwise kernels know. */
export type Curve = keyof typeof CURVES;
