// C[M, N] = alpha * op(A) * op(B) + bias (+ C), f32 arithmetic. A workgroup does one TILE_M x TILE_N tile of C, an invocation ROWS x 4 of it.
// Sixteen steps of K at a time are staged in workgroup memory, A as [k][m] and B as [k][n], so that the inner loop reads one vec4 of B and one
// or two of A for 16 or 32 multiply-adds. Staging goes by 4 x 4 blocks: whichever way a matrix lies, loads are vec4 and blocks that lie
// across are transposed in registers. Rows are padded by one vec4 against bank conflicts.
const TILE_K = 16u;
const A4 = TILE_M / 4u;
const B4 = TILE_N / 4u;
const A_ROW = A4 + 1u;
const B_ROW = B4 + 1u;

var<workgroup> tile_a: array<vec4f, TILE_K * A_ROW>;
var<workgroup> tile_b: array<vec4f, TILE_K * B_ROW>;

fn stage_a(block: u32, base: u32, row0: u32, k0: u32, end: u32) {
  if (TRANS_A) { // [K, M]
    let m4 = block % A4;
    let row = row0 + m4 * 4u;
    for (var j = 0u; j < 4u; j++) {
      let k = (block / A4) * 4u + j;
      var v = vec4f();
      if (k0 + k < end && row < params.m) { v = get_a(base + (k0 + k) * params.lda + row, params.m - row); }
      tile_a[k * A_ROW + m4] = v;
    }
    return;
  }
  let k = (block % 4u) * 4u;
  let m4 = block / 4u;
  var v = array<vec4f, 4>();
  for (var j = 0u; j < 4u; j++) {
    let row = row0 + m4 * 4u + j;
    if (k0 + k < end && row < params.m) { v[j] = get_a(base + row * params.lda + k0 + k, end - k0 - k); }
  }
  tile_a[k * A_ROW + m4] = vec4f(v[0].x, v[1].x, v[2].x, v[3].x);
  tile_a[(k + 1u) * A_ROW + m4] = vec4f(v[0].y, v[1].y, v[2].y, v[3].y);
  tile_a[(k + 2u) * A_ROW + m4] = vec4f(v[0].z, v[1].z, v[2].z, v[3].z);
  tile_a[(k + 3u) * A_ROW + m4] = vec4f(v[0].w, v[1].w, v[2].w, v[3].w);
}

fn stage_b(block: u32, base: u32, col0: u32, k0: u32, end: u32) {
  if (!TRANS_B) { // [K, N]
    let n4 = block % B4;
    let col = col0 + n4 * 4u;
    for (var j = 0u; j < 4u; j++) {
      let k = (block / B4) * 4u + j;
      var v = vec4f();
      if (k0 + k < end && col < params.n) { v = get_b(base + (k0 + k) * params.ldb + col, params.n - col); }
      tile_b[k * B_ROW + n4] = v;
    }
    return;
  }
  let k = (block % 4u) * 4u;
  let n4 = block / 4u;
  var v = array<vec4f, 4>();
  for (var j = 0u; j < 4u; j++) {
    let col = col0 + n4 * 4u + j;
    if (k0 + k < end && col < params.n) { v[j] = get_b(base + col * params.ldb + k0 + k, end - k0 - k); }
  }
  tile_b[k * B_ROW + n4] = vec4f(v[0].x, v[1].x, v[2].x, v[3].x);
  tile_b[(k + 1u) * B_ROW + n4] = vec4f(v[0].y, v[1].y, v[2].y, v[3].y);
  tile_b[(k + 2u) * B_ROW + n4] = vec4f(v[0].z, v[1].z, v[2].z, v[3].z);
  tile_b[(k + 3u) * B_ROW + n4] = vec4f(v[0].w, v[1].w, v[2].w, v[3].w);
}

fn finish(base: u32, row: u32, col: u32, bias: vec4f, sum: vec4f) {
  if (row >= params.m || col >= params.n) { return; }
  let at = base + row * params.ldc + col;
  var v = sum * params.alpha + bias;
  if (ACCUMULATE) { v += get_c(at, params.n - col); }
  put_c(at, params.n - col, v);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  let tiles_n = (params.n + TILE_N - 1u) / TILE_N;
  let tiles_m = (params.m + TILE_M - 1u) / TILE_M;
  let layer = group / (tiles_n * tiles_m); // batch * splits + split
  let row0 = ((group / tiles_n) % tiles_m) * TILE_M;
  let col0 = (group % tiles_n) * TILE_N;
  let batch = layer / params.splits;
  let begin = (layer % params.splits) * params.chunk;
  let end = min(params.k, begin + params.chunk);
  let base_a = batch * params.stride_a + params.first_a;
  let base_b = batch * params.stride_b;

  let tx = lane % B4;
  let ty = lane / B4;
  var c0 = vec4f(); var c1 = vec4f(); var c2 = vec4f(); var c3 = vec4f();
  var c4 = vec4f(); var c5 = vec4f(); var c6 = vec4f(); var c7 = vec4f();
  for (var k0 = begin; k0 < end; k0 += TILE_K) {
    if (lane < A4 * 4u) {
      stage_a(lane, base_a, row0, k0, end);
    } else if (lane < (A4 + B4) * 4u) {
      stage_b(lane - A4 * 4u, base_b, col0, k0, end);
    }
    workgroupBarrier();
    for (var k = 0u; k < TILE_K; k++) {
      let b = tile_b[k * B_ROW + tx];
      let a = tile_a[k * A_ROW + ty];
      c0 = fma(vec4f(a.x), b, c0);
      c1 = fma(vec4f(a.y), b, c1);
      c2 = fma(vec4f(a.z), b, c2);
      c3 = fma(vec4f(a.w), b, c3);
      if (ROWS == 8u) {
        let d = tile_a[k * A_ROW + A4 / 2u + ty];
        c4 = fma(vec4f(d.x), b, c4);
        c5 = fma(vec4f(d.y), b, c5);
        c6 = fma(vec4f(d.z), b, c6);
        c7 = fma(vec4f(d.w), b, c7);
      }
    }
    workgroupBarrier();
  }

  let col = col0 + tx * 4u;
  let row = row0 + ty * 4u;
  let base_c = layer * params.stride_c + params.first_c;
  var bias = vec4f();
  if (HAS_BIAS && begin == 0u && col < params.n) { // once, where K is split
    bias = get_bias(params.first_c + col, params.n - col); }
  finish(base_c, row, col, bias, c0);
  finish(base_c, row + 1u, col, bias, c1);
  finish(base_c, row + 2u, col, bias, c2);
  finish(base_c, row + 3u, col, bias, c3);
  if (ROWS == 8u) {
    let lower = row + TILE_M / 2u;
    finish(base_c, lower, col, bias, c4);
    finish(base_c, lower + 1u, col, bias, c5);
    finish(base_c, lower + 2u, col, bias, c6);
    finish(base_c, lower + 3u, col, bias, c7);
  }
}
