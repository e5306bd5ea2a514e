// C[M, N] = alpha * op(A) * op(B) + bias (+ C) without workgroup memory: an invocation does 4 x 4 of C straight from the operands, four steps
// of K at a time as one 4 x 4 matrix product. For software adapters, which pay for barriers and compile tile.wgsl for many seconds.

// Rows of A as columns of the result, so that (rows of B) * (rows of A) is the rows of C.
fn rows_a(base: u32, row: u32, k: u32, end: u32) -> mat4x4f {
  var v = mat4x4f();
  for (var j = 0u; j < 4u; j++) {
    if (TRANS_A) { // [K, M]
      if (k + j < end) { v[j] = get_a(base + (k + j) * params.lda + row, params.m - row); }
    } else {
      v[j] = get_a(base + min(row + j, params.m - 1u) * params.lda + k, end - k); // rows behind the end are not stored
    }
  }
  if (TRANS_A) { return transpose(v); }
  return v;
}

fn rows_b(base: u32, col: u32, k: u32, end: u32) -> mat4x4f {
  var v = mat4x4f();
  for (var j = 0u; j < 4u; j++) {
    if (TRANS_B) { // [N, K]
      v[j] = get_b(base + min(col + j, params.n - 1u) * params.ldb + k, end - k);
    } else if (k + j < end) {
      v[j] = get_b(base + (k + j) * params.ldb + col, params.n - col);
    }
  }
  if (TRANS_B) { return transpose(v); }
  return v;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  let tiles_n = (params.n + TILE_N - 1u) / TILE_N;
  let tiles_m = (params.m + TILE_M - 1u) / TILE_M;
  let layer = group / (tiles_n * tiles_m); // batch * splits + split
  let row = ((group / tiles_n) % tiles_m) * TILE_M + lane / (TILE_N / 4u) * 4u;
  let col = (group % tiles_n) * TILE_N + lane % (TILE_N / 4u) * 4u;
  if (row >= params.m || col >= params.n) { return; }
  let base_a = layer / params.splits * params.stride_a + params.first_a;
  let base_b = layer / params.splits * params.stride_b;
  let begin = (layer % params.splits) * params.chunk;
  let end = min(params.k, begin + params.chunk);
  var c = mat4x4f();
  for (var k = begin; k < end; k += 4u) { c += rows_b(base_b, col, k, end) * rows_a(base_a, row, k, end); }

  let base_c = layer * params.stride_c + params.first_c;
  var bias = vec4f();
  if (HAS_BIAS && begin == 0u) { bias = get_bias(params.first_c + col, params.n - col); }
  for (var i = 0u; i < min(4u, params.m - row); i++) {
    let at = base_c + (row + i) * params.ldc + col;
    var v = c[i] * params.alpha + bias;
    if (ACCUMULATE) { v += get_c(at, params.n - col); }
    put_c(at, params.n - col, v);
  }
}
