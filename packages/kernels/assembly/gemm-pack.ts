import { storeTransposed } from "./simd";
import { MR, NR } from "./gemm-micro";

// Packing copies a block of A or B into panels that the register tile reads front to back. A panel is [k][R] with
// R = 4 (A) or 8 (B) neighbouring rows (columns); what lies outside the matrix is zero.

/** Any element layout, one element at a time: panels at the edge of the matrix and leftovers of k. */
function packScalar(src: usize, rowStep: usize, kStep: usize, rows: i32, R: i32, k0: i32, k: i32, alpha: f32, dst: usize): void {
  for (let i = k0; i < k; i++) {
    for (let j = 0; j < R; j++) {
      const x = j < rows ? alpha * load<f32>(src + (<usize>i) * kStep + (<usize>j) * rowStep) : <f32>0;
      store<f32>(dst + (<usize>(i * R + j)) * 4, x);
    }
  }
}

/** alpha·A block [rows, k] into panels of 4 rows. Element (i, kk) is at src + i·rowStep + kk·kStep; one of the steps is 4. */
export function packA(src: usize, rowStep: usize, kStep: usize, rows: i32, k: i32, alpha: f32, dst: usize): void {
  const k4 = k & ~3, t = f32x4.splat(alpha);
  for (let i = 0; i < rows; i += MR, dst += (<usize>k) * 16, src += rowStep * MR) {
    const real = min(MR, rows - i);
    let done = 0, p = src, out = dst;
    if (real == MR && kStep == 4) {
      for (; done < k4; done += 4, p += 16, out += 64) {
        const a = f32x4.mul(t, v128.load(p)), b = f32x4.mul(t, v128.load(p + rowStep));
        const c = f32x4.mul(t, v128.load(p + rowStep * 2)), d = f32x4.mul(t, v128.load(p + rowStep * 3));
        storeTransposed(a, b, c, d, out, 16);
      }
    } else if (real == MR) {
      for (; done < k; done++, p += kStep, out += 16) v128.store(out, f32x4.mul(t, v128.load(p)));
    }
    packScalar(src, rowStep, kStep, real, MR, done, k, alpha, dst);
  }
}

/** B block [k, cols] into panels of 8 columns. Element (kk, j) is at src + kk·kStep + j·colStep; one of the steps is 4. */
export function packB(src: usize, colStep: usize, kStep: usize, cols: i32, k: i32, dst: usize): void {
  const k4 = k & ~3;
  for (let j = 0; j < cols; j += NR, dst += (<usize>k) * 32, src += colStep * NR) {
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
    packScalar(src, colStep, kStep, real, NR, done, k, 1, dst);
  }
}
