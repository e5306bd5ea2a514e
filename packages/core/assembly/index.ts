export { copyBytes } from "./copy";
export { add16, add32, addInPlace16, addInPlace32, fill16, fill32 } from "./flat";
export { castF16F32, castF32F16, castF32I32, castF32U32, castI32F32, castU32F32 } from "./cast";
export { randomNormal, randomUniform } from "./random";
