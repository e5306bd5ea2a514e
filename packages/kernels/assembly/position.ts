import { exp2 } from "./exp";
import { fma } from "./simd";

/** cos and sin of a fraction of a turn (2^32 = one turn), written to `to` as two f32. Same reduction and polynomials as rotate.wgsl. */
function cosSin(phase: u32, to: usize): void {
  const quarter = (phase + 0x20000000) >> 30;
  const x = <f32>(<i32>(phase - (quarter << 30))) * <f32>1.4629180792671596e-9;
  const z = x * x;
  const s = x + x * z * (<f32>-1.6666654611e-1 + z * (<f32>8.3321608736e-3 + z * <f32>-1.9515295891e-4));
  const c = <f32>1 - <f32>0.5 * z + z * z * (<f32>4.166664568298827e-2 + z * (<f32>-1.388731625493765e-3 + z * <f32>2.443315711809948e-5));
  const odd = (quarter & 1) == 1;
  const sign: f32 = (quarter & 2) == 2 ? -1 : 1;
  store<f32>(to, sign * (odd ? -s : c));
  store<f32>(to, sign * (odd ? c : s), 4);
}

/**
 * Rotates pairs of channels of x [B, N, H, D] by position times frequency. Words: x (0: pairs are (0, 1)), positions (0: offset + n),
 * frequencies, y | quads, first_token, dim, heads, tokens, offset, position_stride, interleaved | centre, direction, power.
 * An item is one token, all heads. Scratch: cos [D] | sin [D], spread over channels and signed.
 */
export function rotatePositions(params: usize, begin: i32, end: i32, scratch: usize): void {
  const x = load<usize>(params), positions = load<usize>(params, 4), table = load<usize>(params, 8), y = load<usize>(params, 12);
  const first = load<i32>(params, 20), D = load<i32>(params, 24), H = load<i32>(params, 28), N = load<i32>(params, 32);
  const offset = load<i32>(params, 36), stride = load<i32>(params, 40), interleaved = load<i32>(params, 44);
  const centre = load<f32>(params, 48), direction = load<f32>(params, 52), power = load<f32>(params, 56);
  const half = D >> 1, rowBytes = (<usize>D) << 2, halfBytes = (<usize>half) << 2;
  const cosines = scratch, sines = scratch + rowBytes, pair = sines + rowBytes;

  for (let token = begin; token < end; token++) {
    const n = (first + token) % N;
    const position = positions ? load<i32>(positions + ((<usize>(n + ((first + token) / N) * stride)) << 2)) : offset + n;
    for (let j = 0; j < half; j++) {
      const entry = table + ((<usize>j) << 4);
      const distance = <u64>(<u32>(position < 0 ? -position : position));
      const turned = <u32>((distance * ((<u64>load<u32>(entry) << 32) | <u64>load<u32>(entry, 4))) >> 32);
      cosSin(position < 0 ? 0 - turned : turned, pair);
      const scale: f32 = power == 0 ? 1 : exp2(power * (<f32>position - centre) * load<f32>(entry, 8));
      const c = load<f32>(pair) * scale, s = load<f32>(pair, 4) * scale * direction;
      const low = interleaved ? (<usize>j) << 3 : (<usize>j) << 2, high = interleaved ? low + 4 : low + halfBytes;
      store<f32>(cosines + low, c);
      store<f32>(cosines + high, c);
      store<f32>(sines + low, -s);
      store<f32>(sines + high, s);
    }
    for (let h = 0; h < H; h++) {
      const at = (<usize>token * H + h) * rowBytes;
      if (!x) fillUnit(y + at, cosines, sines, D, half, interleaved);
      else if (interleaved) rotateInterleaved(x + at, y + at, cosines, sines, rowBytes);
      else rotateHalves(x + at, y + at, cosines, sines, halfBytes);
    }
  }
}

/** Four channels hold two pairs: the partner of a channel is its neighbour. */
function rotateInterleaved(x: usize, y: usize, cosines: usize, sines: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = v128.load(x + i);
    v128.store(y + i, fma(v128.shuffle<i32>(v, v, 1, 0, 3, 2), v128.load(sines + i), f32x4.mul(v, v128.load(cosines + i))));
  }
}

/** The partner of a channel is half a head away. D / 2 is even but need not be a multiple of 4: the rest goes one by one. */
function rotateHalves(x: usize, y: usize, cosines: usize, sines: usize, half: usize): void {
  const whole = half & ~(<usize>15);
  for (let i: usize = 0; i < whole; i += 16) {
    const a = v128.load(x + i), b = v128.load(x + half + i);
    v128.store(y + i, fma(b, v128.load(sines + i), f32x4.mul(a, v128.load(cosines + i))));
    v128.store(y + half + i, fma(a, v128.load(sines + half + i), f32x4.mul(b, v128.load(cosines + half + i))));
  }
  for (let i = whole; i < half; i += 4) {
    const a = load<f32>(x + i), b = load<f32>(x + half + i);
    store<f32>(y + i, a * load<f32>(cosines + i) + b * load<f32>(sines + i));
    store<f32>(y + half + i, b * load<f32>(cosines + half + i) + a * load<f32>(sines + half + i));
  }
}

/** Rotation of the pair (0, 1): the signed sine where the 0 was, the cosine where the 1 was. */
function fillUnit(y: usize, cosines: usize, sines: usize, D: i32, half: i32, interleaved: i32): void {
  for (let c = 0; c < D; c++) {
    const upper = interleaved ? c & 1 : c >= half ? 1 : 0;
    const at = (<usize>c) << 2;
    store<f32>(y + at, load<f32>((upper ? cosines : sines) + at));
  }
}
