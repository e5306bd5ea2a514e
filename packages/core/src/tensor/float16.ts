/** Binary16 of each value, rounded to nearest even; overflow gives infinity, NaN stays NaN. */
export function f32ToF16(values: ArrayLike<number>): Uint16Array {
  const single = new Float32Array(1);
  const bits = new Uint32Array(single.buffer);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    single[0] = values[i] as number;
    out[i] = halfBits(bits[0] as number);
  }
  return out;
}

/** The numbers that binary16 words stand for; exact. */
export function f16ToF32(words: Uint16Array): Float32Array {
  const bits = new Uint32Array(words.length);
  for (let i = 0; i < words.length; i++) bits[i] = singleBits(words[i] as number);
  return new Float32Array(bits.buffer);
}

function halfBits(x: number): number {
  const sign = (x >>> 16) & 0x8000;
  const magnitude = x & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to 65520 or more: infinity
  if (magnitude < 0x38800000) {
    // Subnormal: let the f64 adder round to a multiple of 2^-24.
    const scaled = toNumber(magnitude) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0));
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

function toNumber(bits: number): number {
  const exponent = bits >>> 23;
  return exponent === 0 ? 0 : (1 + (bits & 0x7fffff) / 2 ** 23) * 2 ** (exponent - 127);
}

/** By moving bits: a power for each word would take 15 times as long, and checkpoints have millions. */
function singleBits(word: number): number {
  const sign = (word & 0x8000) << 16;
  const exponent = word & 0x7c00;
  const fraction = (word & 0x3ff) << 13;
  if (exponent === 0x7c00) return sign | 0x7f800000 | fraction;
  if (exponent !== 0) return sign | ((exponent << 13) + 0x38000000) | fraction;
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 8; // a subnormal of 16 bits is normal in 32
  return sign | ((113 - shift) << 23) | ((fraction << shift) & 0x7fffff);
}
