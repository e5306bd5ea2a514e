// C[M, N] = alpha * op(A) * op(B) + bias (+ C), f32 arithmetic. A workgroup does one TILE_M x TILE_N tile of C, an invocation ROWS x COLS of it in 4 x 4 blocks.
// Sixteen steps of K at a time are staged in workgroup memory, A as [k][m] and B as [k][n], so that the inner loop reads one vec4 for four rows or columns of a
// block. The next sixteen come into registers meanwhile. Staging goes by 4 x 4 blocks, too: whichever way a matrix lies, loads are vec4, and blocks that
// lie across are transposed in registers. Rows are padded by one vec4 against bank conflicts.
#let A4 = TILE_M / 4
#let B4 = TILE_N / 4
#let A_ROW = A4 + 1
#let B_ROW = B4 + 1
#let TX = TILE_N / COLS
#let TY = TILE_M / ROWS
#let BLOCKS = 4 * (A4 + B4)
#let TURNS = (BLOCKS + LANES - 1) / LANES

const TILE_K = 16u;

var<workgroup> tile_a: array<vec4f, $(16 * A_ROW)>;
var<workgroup> tile_b: array<vec4f, $(16 * B_ROW)>;

/** Four rows of four, as they lie in storage. */
alias Block = mat4x4f;

/** Blocks on their way from storage to workgroup memory. */
struct Staged {
#for t in 0..TURNS
  b$(t): Block,
#end
}

fn fetch_a(block: u32, base: u32, row0: u32, k0: u32, end: u32) -> Block {
  var v = Block();
  if (TRANS_A) { // [K, M]
    let k = k0 + block / $(A4)u * 4u;
    let row = row0 + block % $(A4)u * 4u;
#for j in 0..4
    if (k + $(j)u < end && row < params.m) { v[$(j)] = get_a(base + (k + $(j)u) * params.lda + row, params.m - row); }
#end
    return v;
  }
  let k = k0 + block % 4u * 4u;
  let row = row0 + block / 4u * 4u;
#for j in 0..4
  if (k < end && row + $(j)u < params.m) { v[$(j)] = get_a(base + (row + $(j)u) * params.lda + k, end - k); }
#end
  return v;
}

fn fetch_b(block: u32, base: u32, col0: u32, k0: u32, end: u32) -> Block {
  var v = Block();
  if (!TRANS_B) { // [K, N]
    let k = k0 + block / $(B4)u * 4u;
    let col = col0 + block % $(B4)u * 4u;
#for j in 0..4
    if (k + $(j)u < end && col < params.n) { v[$(j)] = get_b(base + (k + $(j)u) * params.ldb + col, params.n - col); }
#end
    return v;
  }
  let k = k0 + block % 4u * 4u;
  let col = col0 + block / 4u * 4u;
#for j in 0..4
  if (k < end && col + $(j)u < params.n) { v[$(j)] = get_b(base + (col + $(j)u) * params.ldb + k, end - k); }
#end
  return v;
}

fn put_a(block: u32, v: Block) {
  var at = block / $(A4)u % 4u * $(4 * A_ROW)u + block % $(A4)u;
  var rows = v;
  if (!TRANS_A) {
    at = block % 4u * $(4 * A_ROW)u + block / 4u % $(A4)u;
    rows = transpose(v);
  }
#for j in 0..4
  tile_a[at + $(j * A_ROW)u] = rows[$(j)];
#end
}

fn put_b(block: u32, v: Block) {
  var at = block / $(B4)u % 4u * $(4 * B_ROW)u + block % $(B4)u;
  var rows = v;
  if (TRANS_B) {
    at = block % 4u * $(4 * B_ROW)u + block / 4u % $(B4)u;
    rows = transpose(v);
  }
#for j in 0..4
  tile_b[at + $(j * B_ROW)u] = rows[$(j)];
#end
}

/** Reads what this invocation stages of steps k0 to k0 + 15. */
fn fetch(lane: u32, base_a: u32, base_b: u32, row0: u32, col0: u32, k0: u32, end: u32) -> Staged {
  var staged = Staged();
#for t in 0..TURNS
  if (lane < $(max(4 * A4 - t * LANES, 0))u) { staged.b$(t) = fetch_a(lane + $(t * LANES)u, base_a, row0, k0, end); }
  else if (lane < $(max(BLOCKS - t * LANES, 0))u) { staged.b$(t) = fetch_b(lane + $(t * LANES)u - $(4 * A4)u, base_b, col0, k0, end); }
#end
  return staged;
}

fn put(lane: u32, staged: Staged) {
#for t in 0..TURNS
  if (lane < $(max(4 * A4 - t * LANES, 0))u) { put_a(lane + $(t * LANES)u, staged.b$(t)); }
  else if (lane < $(max(BLOCKS - t * LANES, 0))u) { put_b(lane + $(t * LANES)u - $(4 * A4)u, staged.b$(t)); }
#end
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

  let tx = lane % $(TX)u;
  let ty = lane / $(TX)u;
#for i in 0..ROWS
#for j in 0..COLS / 4
  var c$(i)_$(j) = vec4f();
#end
#end
  var staged = fetch(lane, base_a, base_b, row0, col0, begin, end);
  for (var k0 = begin; k0 < end; k0 += TILE_K) {
    workgroupBarrier();
    put(lane, staged);
    workgroupBarrier();
    staged = fetch(lane, base_a, base_b, row0, col0, k0 + TILE_K, end);
    for (var k = 0u; k < TILE_K; k++) {
#for j in 0..COLS / 4
      let b$(j) = tile_b[k * $(B_ROW)u + $(j * TX)u + tx];
#end
#for q in 0..ROWS / 4
      let a$(q) = tile_a[k * $(A_ROW)u + $(q * TY)u + ty];
#for r in 0..4
#for j in 0..COLS / 4
      c$(4 * q + r)_$(j) = fma(vec4f(a$(q)[$(r)]), b$(j), c$(4 * q + r)_$(j));
#end
#end
#end
    }
  }

  let base_c = layer * params.stride_c + params.first_c;
#for j in 0..COLS / 4
  {
    let col = col0 + ($(j * TX)u + tx) * 4u;
    var bias = vec4f();
    if (HAS_BIAS && begin == 0u && col < params.n) { // once, where K is split
      bias = get_bias(params.first_c + col, params.n - col); }
#for i in 0..ROWS
    finish(base_c, row0 + ($(i / 4 * TY)u + ty) * 4u + $(i % 4)u, col, bias, c$(i)_$(j));
#end
  }
#end
}
