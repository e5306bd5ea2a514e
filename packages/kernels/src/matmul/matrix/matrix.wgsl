// C = activation(alpha · op(A) · op(B) + bias) + residual (+ C) on matrix units, sums in f32. A workgroup of SG_M x SG_N subgroups does TILE_M x TILE_N of C, a
// subgroup RM x RN results of MM x MN, which stay in registers. TILE_K steps of K at a time are staged in workgroup memory as they lie, transposed or not,
// while the next ones are on their way to registers. Everything is in blocks of 16 bytes: STORED elements of a tensor, PER operands.
//
// What made it fast on an H100 (docs/perf-log.md): odd pitches, so that the rows of a fragment lie in different banks; neighbours that read whole lines of the
// operands, and write to different banks because the rows they read are interleaved in the tile; one buffer of less than 24 KiB, so that two workgroups share a
// multiprocessor; and indices whose bounds a compiler can see, which makes WebGPU's checks free (accesses written out in main, `min` around a subgroup's start).

#let PER = 8 - 4 * WIDE
#let STORED = 4 + 4 * HALF
#let BLOCKS = STORED / PER
#let THREADS = SG_M * SG_N * LANES
#let TILE_M = SG_M * RM * MM
#let TILE_N = SG_N * RN * MN
#let A_ROWS = TILE_M + TRANS_A * (TILE_K - TILE_M)
#let A_COLS = (TILE_K + TRANS_A * (TILE_M - TILE_K)) / STORED
#let B_ROWS = TILE_K + TRANS_B * (TILE_N - TILE_K)
#let B_COLS = (TILE_N + TRANS_B * (TILE_K - TILE_N)) / STORED
#let A_PITCH = A_COLS * BLOCKS + 1
#let B_PITCH = B_COLS * BLOCKS + 1
#let B_START = A_ROWS * A_PITCH
#let A_STEP = THREADS / A_COLS
#let B_STEP = THREADS / B_COLS
#let A_LOADS = A_ROWS / A_STEP
#let B_LOADS = B_ROWS / B_STEP
// Rows that eight neighbours read: row r lies at place r % ROWS_X * 8 / ROWS_X + r / ROWS_X among its eight.
#let ROWS_A = max(1, (1 - TRANS_A) * 8 / A_COLS)
#let ROWS_B = max(1, TRANS_B * 8 / B_COLS)
#let C_PITCH = RN * MN / 4 + 1
#let C_SIZE = MM * C_PITCH
#let LAST_A = (SG_M - 1) * RM * MM
#let LAST_B = (SG_N - 1) * RN * MN
#let SLOTS = max(B_START + B_ROWS * B_PITCH, SG_M * SG_N * C_SIZE)

#if WIDE
alias Operand = f32;
#else
alias Operand = f16;
#end
alias Left = subgroup_matrix_left<Operand, $(MK), $(MM)>;
alias Right = subgroup_matrix_right<Operand, $(MN), $(MK)>;
alias Result = subgroup_matrix_result<f32, $(MN), $(MM)>;

var<workgroup> tile: array<vec4u, $(SLOTS)>;

fn low(v: vec4u) -> vec4f { return vec4f(unpack2x16float(v.x), unpack2x16float(v.y)); }
fn high(v: vec4u) -> vec4f { return vec4f(unpack2x16float(v.z), unpack2x16float(v.w)); }
fn pack(x: vec4f, y: vec4f) -> vec4u {
  return vec4u(pack2x16float(x.xy), pack2x16float(x.zw), pack2x16float(y.xy), pack2x16float(y.zw));
}

@compute @workgroup_size($(THREADS))
fn main(
  @builtin(workgroup_id) w: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  // Neighbours take tiles of eight rows by turns, so that what they read is in the cache.
  let tiles_m = (params.m + $(TILE_M - 1)u) / $(TILE_M)u;
  let tiles_n = (params.n + $(TILE_N - 1)u) / $(TILE_N)u;
  let layer = group / (tiles_m * tiles_n); // batch * splits + split
  let at = group % (tiles_m * tiles_n);
  let band = at / (8u * tiles_n) * 8u;
  let height = min(tiles_m - band, 8u);
  let row0 = (band + at % (8u * tiles_n) % height) * $(TILE_M)u;
  let col0 = at % (8u * tiles_n) / height * $(TILE_N)u;
  let batch = layer / params.splits;
  let begin = layer % params.splits * params.chunk;
  let end = min(params.k, begin + params.chunk);

  // Blocks that this invocation stages. Rows and columns behind the end are those at the end once more: they are not stored.
  let lda = params.lda / $(STORED)u;
  let ldb = params.ldb / $(STORED)u;
  let base_a = (batch * params.stride_a + params.first_a) / $(STORED)u;
  let base_b = batch * params.stride_b / $(STORED)u;
  let ya = thread / $(A_COLS)u;
  let xa = thread % $(A_COLS)u;
  let yb = thread / $(B_COLS)u;
  let xb = thread % $(B_COLS)u;
#for q in 0..A_LOADS
#if TRANS_A
  let a$(q) = base_a + (begin + ya + $(q * A_STEP)u) * lda + min(row0 / $(STORED)u + xa, lda - 1u);
  let ka$(q) = ya + $(q * A_STEP)u;
#else
  let a$(q) = base_a + min(row0 + ya + $(q * A_STEP)u, params.m - 1u) * lda + begin / $(STORED)u + xa;
  let ka$(q) = xa * $(STORED)u;
#end
  var va$(q) = vec4u();
#end
#for q in 0..B_LOADS
#if TRANS_B
  let b$(q) = base_b + min(col0 + yb + $(q * B_STEP)u, params.n - 1u) * ldb + begin / $(STORED)u + xb;
  let kb$(q) = xb * $(STORED)u;
#else
  let b$(q) = base_b + (begin + yb + $(q * B_STEP)u) * ldb + min(col0 / $(STORED)u + xb, ldb - 1u);
  let kb$(q) = yb + $(q * B_STEP)u;
#end
  var vb$(q) = vec4u();
#end
#if TRANS_A
  let step_a = $(TILE_K)u * lda;
#else
  let step_a = $(TILE_K / STORED)u;
#end
#if TRANS_B
  let step_b = $(TILE_K / STORED)u;
#else
  let step_b = $(TILE_K)u * ldb;
#end
  let place_a = ya / 8u * 8u + ya % $(ROWS_A)u * $(8 / ROWS_A)u + ya % 8u / $(ROWS_A)u;
  let place_b = yb / 8u * 8u + yb % $(ROWS_B)u * $(8 / ROWS_B)u + yb % 8u / $(ROWS_B)u;
  let slot_a = place_a * $(A_PITCH)u + xa * $(BLOCKS)u;
  let slot_b = $(B_START)u + place_b * $(B_PITCH)u + xb * $(BLOCKS)u;

  // Where this subgroup's fragments start.
  let sm = subgroup / $(SG_N)u * $(RM * MM)u;
  let sn = subgroup % $(SG_N)u * $(RN * MN)u;
#if TRANS_A
  let left = min(sm / $(PER)u, $(LAST_A / PER)u);
#else
  let left = min(sm * $(A_PITCH)u, $(LAST_A * A_PITCH)u);
#end
#if TRANS_B
  let right = min($(B_START)u + sn * $(B_PITCH)u, $(B_START + LAST_B * B_PITCH)u);
#else
  let right = min($(B_START)u + sn / $(PER)u, $(B_START + LAST_B / PER)u);
#end
#for i in 0..RM
#for j in 0..RN
  var c$(i)_$(j) = Result();
#end
#end

  var ahead_a = 0u;
  var ahead_b = 0u;
  var ahead = begin;
#for pass in 0..2
#if pass == 1
  for (var k = begin; k < end; k += $(TILE_K)u) {
    workgroupBarrier();
#for q in 0..A_LOADS
#if BLOCKS == 2
    tile[slot_a + $(q * A_STEP * A_PITCH)u] = bitcast<vec4u>(low(va$(q)));
    tile[slot_a + $(q * A_STEP * A_PITCH + 1)u] = bitcast<vec4u>(high(va$(q)));
#else
    tile[slot_a + $(q * A_STEP * A_PITCH)u] = va$(q);
#end
#end
#for q in 0..B_LOADS
#if BLOCKS == 2
    tile[slot_b + $(q * B_STEP * B_PITCH)u] = bitcast<vec4u>(low(vb$(q)));
    tile[slot_b + $(q * B_STEP * B_PITCH + 1)u] = bitcast<vec4u>(high(vb$(q)));
#else
    tile[slot_b + $(q * B_STEP * B_PITCH)u] = vb$(q);
#end
#end
#end
    if (ahead < end) {
#for q in 0..A_LOADS
#if GUARD_K
      va$(q) = vec4u();
      if (ahead + ka$(q) < end)
#end
      { va$(q) = a[a$(q) + ahead_a]; }
#end
#for q in 0..B_LOADS
#if GUARD_K
      vb$(q) = vec4u();
      if (ahead + kb$(q) < end)
#end
      { vb$(q) = b[b$(q) + ahead_b]; }
#end
    }
    ahead += $(TILE_K)u;
    ahead_a += step_a;
    ahead_b += step_b;
#end
    workgroupBarrier();
#for k in 0..TILE_K / MK
    {
#for i in 0..RM
#if TRANS_A
      let l$(i) = subgroupMatrixLoad<Left, col_major>(&tile, left + $(k * MK * A_PITCH + i * MM / PER)u, $(A_PITCH)u);
#else
      let l$(i) = subgroupMatrixLoad<Left, row_major>(&tile, left + $(i * MM * A_PITCH + k * MK / PER)u, $(A_PITCH)u);
#end
#end
#for j in 0..RN
      {
#if TRANS_B
        let r = subgroupMatrixLoad<Right, col_major>(&tile, right + $(j * MN * B_PITCH + k * MK / PER)u, $(B_PITCH)u);
#else
        let r = subgroupMatrixLoad<Right, row_major>(&tile, right + $(k * MK * B_PITCH + j * MN / PER)u, $(B_PITCH)u);
#end
#for i in 0..RM
        c$(i)_$(j) = subgroupMatrixMultiplyAccumulate(l$(i), r, c$(i)_$(j));
#end
      }
#end
    }
#end
  }

  // Results cannot be read element by element: a strip of MM rows a subgroup goes through workgroup memory at a time.
#let COLS8 = RN * MN / 8
  let strip = subgroup * $(C_SIZE)u;
  let base_c = layer * params.stride_c + params.first_c;
#for i in 0..RM
  workgroupBarrier();
#for j in 0..RN
  subgroupMatrixStore<row_major>(&tile, strip + $(j * MN / 4)u, c$(i)_$(j), $(C_PITCH)u);
#end
  workgroupBarrier();
  for (var p = lane; p < $(MM * COLS8)u; p += $(LANES)u) {
    let place = p / $(COLS8)u;
    let row = row0 + sm + $(i * MM)u + place / 8u * 8u + place % $(8 / ROWS_A)u * $(ROWS_A)u + place % 8u / $(8 / ROWS_A)u;
    let col = col0 + sn + p % $(COLS8)u * 8u;
    if (row < params.m && col < params.n) {
      let slot = strip + place * $(C_PITCH)u + p % $(COLS8)u * 2u;
      let x = bitcast<vec4f>(tile[slot]);
      let y = bitcast<vec4f>(tile[slot + 1u]);
      let to = base_c + row * params.ldc + col;
#if ROWS_B == 2
      finish(to, params.first_c + col, begin == 0u, vec4f(x.x, y.x, x.y, y.y), vec4f(x.z, y.z, x.w, y.w));
#else
      finish(to, params.first_c + col, begin == 0u, x, y);
#end
    }
  }
#end
}

// Eight sums, to elements `to`, ... of C.
fn finish(to: u32, column: u32, first: bool, sum0: vec4f, sum1: vec4f) {
  var x = sum0 * params.alpha;
  var y = sum1 * params.alpha;
#if HAS_BIAS
  if (first) { // once, where K is split
    x += load_bias(column / 4u);
    y += load_bias(column / 4u + 1u);
  }
#end
#if HAS_BEFORE
#if C_HALF
  before[to / 8u] = pack(x, y);
#else
  before[to / 4u] = bitcast<vec4u>(x);
  before[to / 4u + 1u] = bitcast<vec4u>(y);
#end
#end
#if ACTIVE
  x = curve4(CURVE, x, 0.0);
  y = curve4(CURVE, y, 0.0);
#end
#if HAS_RESIDUAL
  x += load_residual(to / 4u);
  y += load_residual(to / 4u + 1u);
#end
#if C_HALF
#if ACCUMULATE
  x += low(c[to / 8u]);
  y += high(c[to / 8u]);
#end
  c[to / 8u] = pack(x, y);
#else
#if ACCUMULATE
  x += bitcast<vec4f>(c[to / 4u]);
  y += bitcast<vec4f>(c[to / 4u + 1u]);
#end
  c[to / 4u] = bitcast<vec4u>(x);
  c[to / 4u + 1u] = bitcast<vec4u>(y);
#end
}
