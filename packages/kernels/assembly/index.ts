export { matmulF32 } from "./gemm";
export { dilatedAttentionForward } from "./attention-forward";
export { dilatedAttentionBackward } from "./attention-backward";
export { lseMerge, attentionRowDot } from "./attention-merge";
