import { storeTransposed } from "./simd";
import { MR, NR } from "./gemm-micro";

// Packing copies a block of A or B into panels that the register tile reads front to back. A panel is [kPad][R] with
// R = 6 (A) or 8 (B) neighbouring rows (columns) and kPad = k rounded up to even; what lies outside the matrix is zero.

/** Any element layout, one element at a time: panels at the edge of the matrix and leftovers of k. */
function packScalar(src: usize, rowStep: usize, kStep: usize, rows: i32, R: i32, k0: i32, k1: i32, k: i32, alpha: f32, dst: usize): void {
  for (let i = k0; i < k1; i++) {
    for (let j = 0; j < R; j++) {
      const x = i < k && j < rows ? alpha * load<f32>(src + (<usize>i) * kStep + (<usize>j) * rowStep) : <f32>0;
      store<f32>(dst + (<usize>(i * R + j)) * 4, x);
    }
  }
}

/** alpha·A block [rows, k] into panels of 6 rows. Element (i, kk) is at src + i·rowStep + kk·kStep; one of the steps is 4. */
export function packA(src: usize, rowStep: usize, kStep: usize, rows: i32, k: i32, alpha: f32, dst: usize): void {
  const kPad = (k + 1) & ~1, k4 = k & ~3, t = f32x4.splat(alpha);
  for (let i = 0; i < rows; i += MR, dst += (<usize>kPad) * 24, src += rowStep * MR) {
    const real = min(MR, rows - i);
    let done = 0;
    if (real == MR && kStep == 4) {
      let p = src, out = dst;
      for (; done < k4; done += 4, p += 16, out += 96) {
        const a = f32x4.mul(t, v128.load(p)), b = f32x4.mul(t, v128.load(p + rowStep));
        const c = f32x4.mul(t, v128.load(p + rowStep * 2)), d = f32x4.mul(t, v128.load(p + rowStep * 3));
        const e = f32x4.mul(t, v128.load(p + rowStep * 4)), f = f32x4.mul(t, v128.load(p + rowStep * 5));
        storeTransposed(a, b, c, d, out, 24);
        const ef0 = v128.shuffle<i32>(e, f, 0, 4, 1, 5), ef1 = v128.shuffle<i32>(e, f, 2, 6, 3, 7);
        v128.store_lane<i64>(out, ef0, 0, 16);
        v128.store_lane<i64>(out, ef0, 1, 40);
        v128.store_lane<i64>(out, ef1, 0, 64);
        v128.store_lane<i64>(out, ef1, 1, 88);
      }
    } else if (real == MR) {
      let p = src, out = dst;
      for (; done < k; done++, p += kStep, out += 24) {
        v128.store(out, f32x4.mul(t, v128.load(p)));
        v128.store_lane<i64>(out, f32x4.mul(t, v128.load64_zero(p, 16)), 0, 16);
      }
    }
    packScalar(src, rowStep, kStep, real, MR, done, kPad, k, alpha, dst);
  }
}

/** B block [k, cols] into panels of 8 columns. Element (kk, j) is at src + kk·kStep + j·colStep; one of the steps is 4. */
export function packB(src: usize, colStep: usize, kStep: usize, cols: i32, k: i32, dst: usize): void {
  const kPad = (k + 1) & ~1, k4 = k & ~3;
  for (let j = 0; j < cols; j += NR, dst += (<usize>kPad) * 32, src += colStep * NR) {
    const real = min(NR, cols - j);
    let done = 0, p = src, out = dst;
    if (real == NR && colStep == 4) {
      for (; done < k; done++, p += kStep, out += 32) {
        v128.store(out, v128.load(p));
        v128.store(out, v128.load(p, 16), 16);
      }
    } else if (real == NR) {
      for (; done < k4; done += 4, p += 16, out += 128) {
        const low = p, high = p + colStep * 4;
        storeTransposed(v128.load(low), v128.load(low + colStep), v128.load(low + colStep * 2), v128.load(low + colStep * 3), out, 32);
        storeTransposed(v128.load(high), v128.load(high + colStep), v128.load(high + colStep * 2), v128.load(high + colStep * 3), out + 16, 32);
      }
    }
    packScalar(src, colStep, kStep, real, NR, done, kPad, k, 1, dst);
  }
}
