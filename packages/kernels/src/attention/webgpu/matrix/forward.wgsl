// Forward on matrix units: out = softmax over the multiset of keys that the launch visits, and its log-sum-exp.
//
// A row's numerators stay in matrix registers, which nothing can scale, so its maximum is guessed from the first keys
// it sees (plus MARGIN) and kept: weights up to 2^16 above fit f16, their sum says whether that was enough, and a tile
// whose guess failed is done again with the exact maximum (attempts 1 and 2). Scores beyond the guess by 15 nats are
// what that takes: rare in any trained model, and then slower, never wrong.
//
// Two barriers a step: scores of the next keys and the product of the last weights fall between them together.

#let SOFTMAX_TILES = ROW_TILES / SUBGROUPS_N
#let OWN_SCORE_TILES = SCORE_TILES / SUBGROUPS_N
#let OWN_HEAD_TILES = HEAD_TILES / SUBGROUPS_N
const TRANSPOSED = false;
const MARGIN = 6.0;
const LARGEST_SUM = 3e4;

var<workgroup> k_tile: array<vec4u, $(BLOCK_N * OPERAND_PITCH)>;
var<workgroup> v_tile: array<vec4u, $(BLOCK_N * OPERAND_PITCH)>;
var<workgroup> scores: array<vec4u, $(BLOCK_M * SCORE_PITCH)>;
var<workgroup> weights: array<vec4u, $(BLOCK_M * WEIGHT_PITCH)>;
/** What the epilogue multiplies a row's sums with, and what it held before. */
var<workgroup> row_scale: array<vec2f, $(BLOCK_M)>;
var<workgroup> retry: atomic<u32>;

// Block `column` of a row of f16, as operands.
fn put_k(row: u32, column: u32, block: vec4u) {
#if F32_OPERANDS
  k_tile[row + column * 2u] = bitcast<vec4u>(low(block));
  k_tile[row + column * 2u + 1u] = bitcast<vec4u>(high(block));
#else
  k_tile[row + column] = block;
#end
}

fn put_v(row: u32, column: u32, block: vec4u) {
#if F32_OPERANDS
  v_tile[row + column * 2u] = bitcast<vec4u>(low(block));
  v_tile[row + column * 2u + 1u] = bitcast<vec4u>(high(block));
#else
  v_tile[row + column] = block;
#end
}

fn largest(v: vec4f) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }

/** Which of the columns first, first + 1, ... of a run are from `begin` on, come before `end`, and count. */
fn seen(first: u32, begin: u32, end: u32) -> vec4<bool> {
  let column = vec4u(first) + vec4u(0u, 1u, 2u, 3u);
  var see = column < vec4u(end);
#if WINDOW
  see = see & (column >= vec4u(begin));
#end
  if (HAS_MASK) {
    for (var i = 0u; i < 4u; i++) {
      if (see[i]) { see[i] = load_mask(mask_at(column_place(column[i]))) != 0u; }
    }
  }
  return see;
}

/** Maximum over the lanes of a row, which stand UNIT_M apart. */
fn across_max(v: f32) -> f32 {
  var x = v;
#for i in 0..LANES_PER_ROW / 2
#if i == 0 || i == 1 || i == 3
  x = max(x, subgroupShuffleXor(x, $(UNIT_M * (i + 1))u));
#end
#end
  return x;
}

fn across_sum(v: f32) -> f32 {
  var x = v;
#for i in 0..LANES_PER_ROW / 2
#if i == 0 || i == 1 || i == 3
  x += subgroupShuffleXor(x, $(UNIT_M * (i + 1))u);
#end
#end
  return x;
}

@compute @workgroup_size($(THREADS))
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  if (thread == 0u) {
    open_group(group);
    atomicStore(&retry, 0u);
  }
  let mine = workgroupUniformLoad(&tile);
  if (mine.count == 0u) { return; }
  // Rows and columns of products, and rows of the softmax. The bounds are for the compiler: what it can see to stay
  // inside needs no check.
  let first = subgroup % $(SUBGROUPS_M)u * $(ROW_TILES * UNIT_M)u;
  let side = min(subgroup / $(SUBGROUPS_M)u, $(SUBGROUPS_N - 1)u);
  let softmax_row = min(subgroup, $(SUBGROUPS_M * SUBGROUPS_N - 1)u) * $(SOFTMAX_TILES * UNIT_M)u + lane % $(UNIT_M)u;
  let lane_part = min(lane / $(UNIT_M)u, $(LANES_PER_ROW - 1)u);

  // Queries, by way of `scores`, in chunks that fit it.
#let CHUNK = min(ROW_BLOCKS, (SCORE_PITCH - 1) * PER_BLOCK / 8)
#let CHUNK_PITCH = CHUNK * 8 / PER_BLOCK + 1
#for begin in 0..(ROW_BLOCKS + CHUNK - 1) / CHUNK
#let BLOCKS = min(CHUNK, ROW_BLOCKS - begin * CHUNK)
  workgroupBarrier();
  {
#let LOADS = (BLOCK_M * BLOCKS + THREADS - 1) / THREADS
    // All on their way before the first is waited for. Rows that are not there repeat the last one: nobody looks at
    // what becomes of them.
#for i in 0..LOADS
    let r$(i) = min((thread + $(i * THREADS)u) / $(BLOCKS)u, $(BLOCK_M - 1)u);
    let block$(i) = q[query_at(mine.head, row_place(min(r$(i), mine.count - 1u))) * $(ROW_BLOCKS)u + $(begin * CHUNK)u + (thread + $(i * THREADS)u) % $(BLOCKS)u];
#end
#for i in 0..LOADS
    put_score(r$(i) * $(CHUNK_PITCH)u, (thread + $(i * THREADS)u) % $(BLOCKS)u, block$(i));
#end
  }
  workgroupBarrier();
#for t in 0..ROW_OPERANDS
#for k in 0..BLOCKS * 8 / UNIT_K
  let q$(t)_$(begin * CHUNK * 8 / UNIT_K + k) = subgroupMatrixLoad<Right, col_major>(
    &scores,
    (first + $(t * UNIT_N)u) * $(CHUNK_PITCH)u + $(k * UNIT_K / PER_BLOCK)u,
    $(CHUNK_PITCH)u,
  );
#end
#end
#end

#for t in 0..SOFTMAX_TILES
  var m$(t) = EMPTY;
  var l$(t) = 0.0;
  var zeros$(t) = 0u;
  let query$(t) = row_position(softmax_row + $(t * UNIT_M)u);
  let inside$(t) = softmax_row + $(t * UNIT_M)u < mine.count;
#end
#for t in 0..ROW_TILES
#for d in 0..OWN_HEAD_TILES
  var o$(t)_$(d) = Result();
#end
#end
#for i in 0..FETCHES
  let key$(i) = (thread + $(i * THREADS)u) / $(ROW_BLOCKS)u;
  let column$(i) = (thread + $(i * THREADS)u) % $(ROW_BLOCKS)u;
  var next_k$(i) = vec4u();
  var next_v$(i) = vec4u();
#end

  // First block of the key at place 0, and blocks from a place to the next.
  let origin = key_at(mine.head / query_group(), 0u) * $(ROW_BLOCKS)u;
  let pitch = params.heads_kv * $(ROW_BLOCKS)u;

  for (var attempt = 0u; attempt < 3u; attempt++) {
    if (thread == 0u) { open_runs(mine.head); }
    loop {
      if (thread == 0u) { next_run(); }
      let keys = workgroupUniformLoad(&run);
      if (keys.live == 0u) { break; }
      let base = origin + keys.place * pitch;
      let step = keys.pitch * pitch;
      let last = keys.end - 1u;
      // Steps from begin in [unmasked.x, unmasked.y - BLOCK_N] need no look at single columns.
      var unmasked = vec2u(0u, select(0u, keys.end, !HAS_MASK && !DROPOUT && keys.whole != 0u));
      if (params.bounded != 0u) {
#if WINDOW
        let ahead = max(i32(mine.last) + keys.low - i32(keys.first), 0);
        unmasked.x = (u32(ahead) + keys.step - 1u) / keys.step;
#end
        let reach = i32(mine.first) + keys.high - i32(keys.first);
        unmasked.y = min(unmasked.y, select(0u, u32(reach) / keys.step + 1u, reach >= 0));
      }
#for t in 0..SOFTMAX_TILES
      let takes_part$(t) = inside$(t) && (keys.whole != 0u || row_takes_part(query$(t)));
      if (takes_part$(t) && attempt != 1u) { zeros$(t) += keys.zeros; }
      // The first column that the row sees, and behind the last.
      var begin$(t) = 0u;
      var end$(t) = select(0u, keys.end, takes_part$(t));
      if (params.bounded != 0u) {
#if WINDOW
        let ahead = max(i32(query$(t)) + keys.low - i32(keys.first), 0);
        begin$(t) = (u32(ahead) + keys.step - 1u) / keys.step;
#end
        let reach = i32(query$(t)) + keys.high - i32(keys.first);
        end$(t) = min(end$(t), select(0u, u32(reach) / keys.step + 1u, reach >= 0));
      }
#end
#for i in 0..FETCHES
#if (i + 1) * THREADS > TILE_BLOCKS
      if (key$(i) < $(BLOCK_N)u)
#end
      {
        put_k(key$(i) * $(OPERAND_PITCH)u, column$(i), k[base + min(keys.begin + key$(i), last) * step + column$(i)]);
        next_v$(i) = v[base + min(keys.begin + key$(i), last) * step + column$(i)];
        next_k$(i) = k[base + min(keys.begin + $(BLOCK_N)u + key$(i), last) * step + column$(i)];
      }
#end
      for (var begin = keys.begin; ; begin += $(BLOCK_N)u) {
        workgroupBarrier();
        if (begin > keys.begin) {
#for k in 0..WEIGHT_TILES
#for t in 0..ROW_TILES
          let w$(t)_$(k) = subgroupMatrixLoad<Left, row_major>(
            &weights,
            (first + $(t * UNIT_M)u) * $(WEIGHT_PITCH)u + $(k * UNIT_K / PER_BLOCK)u,
            $(WEIGHT_PITCH)u,
          );
#end
#for d in 0..OWN_HEAD_TILES
          {
            let values = subgroupMatrixLoad<Right, row_major>(
              &v_tile,
              $(k * UNIT_K * OPERAND_PITCH + d * SUBGROUPS_N * UNIT_N / PER_BLOCK)u + side * $(UNIT_N / PER_BLOCK)u,
              $(OPERAND_PITCH)u,
            );
#for t in 0..ROW_TILES
            o$(t)_$(d) = subgroupMatrixMultiplyAccumulate(w$(t)_$(k), values, o$(t)_$(d));
#end
          }
#end
#end
        }
        if (begin >= keys.end) { break; }
#for n in 0..OWN_SCORE_TILES
        {
#for k in 0..DEPTH_TILES
          let k$(k) = subgroupMatrixLoad<Left, row_major>(
            &k_tile,
            $(n * SUBGROUPS_N * UNIT_M * OPERAND_PITCH + k * UNIT_K / PER_BLOCK)u + side * $(UNIT_M * OPERAND_PITCH)u,
            $(OPERAND_PITCH)u,
          );
#end
#for t in 0..ROW_OPERANDS
          var s$(t) = Result();
#for k in 0..DEPTH_TILES
          s$(t) = subgroupMatrixMultiplyAccumulate(k$(k), q$(t)_$(k), s$(t));
#end
          subgroupMatrixStore<col_major>(
            &scores,
            (first + $(t * UNIT_N)u) * $(SCORE_PITCH)u + $(n * SUBGROUPS_N * UNIT_M / 4)u + side * $(UNIT_M / 4)u,
            s$(t),
            $(SCORE_PITCH)u,
          );
#end
        }
#end
        workgroupBarrier();
        let masked = begin < unmasked.x || begin + $(BLOCK_N)u > unmasked.y;
#let LANE_VEC4 = BLOCK_N / LANES_PER_ROW / 4
#for t in 0..SOFTMAX_TILES
        {
          let at = softmax_row + $(t * UNIT_M)u;
#for c in 0..LANE_VEC4
          var x$(c) = bitcast<vec4f>(scores[at * $(SCORE_PITCH)u + lane_part * $(LANE_VEC4)u + $(c)u]) *
            params.scale_log2;
#end
#if SOFTCAP
#for c in 0..LANE_VEC4
          x$(c) = capped(x$(c));
#end
#end
          if (masked) {
#for c in 0..LANE_VEC4
            x$(c) = select(
              vec4f(EMPTY),
              x$(c),
              seen(begin + lane_part * $(LANE_VEC4 * 4)u + $(c * 4)u, begin$(t), end$(t)),
            );
#end
          }
          if (attempt == 1u || subgroupAny(m$(t) < EMPTY_BOUND)) {
            var top = largest(x0);
#for c in 1..LANE_VEC4
            top = max(top, largest(x$(c)));
#end
            top = across_max(top);
            let guess = select(m$(t), top + MARGIN, m$(t) < EMPTY_BOUND && top > EMPTY_BOUND);
            m$(t) = select(guess, max(m$(t), top), attempt == 1u);
          }
          let above = select(m$(t), 0.0, m$(t) < EMPTY_BOUND);
#for c in 0..LANE_VEC4
          x$(c) = exp2(x$(c) - above);
          l$(t) += x$(c).x + x$(c).y + x$(c).z + x$(c).w;
#if DROPOUT
          x$(c) *= dropout_factors(
            mine.batch,
            mine.head,
            vec4u(query$(t)),
            vec4u(keys.first) +
              keys.step * (vec4u(begin + lane_part * $(LANE_VEC4 * 4)u + $(c * 4)u) + vec4u(0u, 1u, 2u, 3u)),
          );
#end
#end
#if F32_OPERANDS
#for c in 0..LANE_VEC4
          weights[at * $(WEIGHT_PITCH)u + lane_part * $(LANE_VEC4)u + $(c)u] = bitcast<vec4u>(x$(c));
#end
#else
#for c in 0..LANE_VEC4 / 2
          weights[at * $(WEIGHT_PITCH)u + lane_part * $(LANE_VEC4 / 2)u + $(c)u] = pack(x$(c * 2), x$(c * 2 + 1));
#end
#end
        }
#end
#for i in 0..FETCHES
#if (i + 1) * THREADS > TILE_BLOCKS
        if (key$(i) < $(BLOCK_N)u)
#end
        {
          put_v(key$(i) * $(OPERAND_PITCH)u, column$(i), next_v$(i));
          put_k(key$(i) * $(OPERAND_PITCH)u, column$(i), next_k$(i));
          next_v$(i) = v[base + min(begin + $(BLOCK_N)u + key$(i), last) * step + column$(i)];
          next_k$(i) = k[base + min(begin + $(2 * BLOCK_N)u + key$(i), last) * step + column$(i)];
        }
#end
      }
    }
    if (attempt == 0u) {
#for t in 0..SOFTMAX_TILES
      l$(t) = across_sum(l$(t));
      if (!(l$(t) < LARGEST_SUM)) { atomicStore(&retry, 1u); }
#end
      if (workgroupUniformLoad(&retry) == 0u) { break; }
    }
    if (attempt < 2u) {
#for t in 0..SOFTMAX_TILES
      if (attempt == 0u) { m$(t) = EMPTY; zeros$(t) = 0u; }
      l$(t) = 0.0;
#end
#for t in 0..ROW_TILES
#for d in 0..OWN_HEAD_TILES
      o$(t)_$(d) = Result();
#end
#end
    } else {
#for t in 0..SOFTMAX_TILES
      l$(t) = across_sum(l$(t));
#end
    }
  }

#for t in 0..SOFTMAX_TILES
  if (inside$(t) && lane_part == 0u) {
    // Padding keys have score 0 and value 0: they only count in the denominator.
    let none = m$(t) < EMPTY_BOUND;
    let top = select(max(m$(t), select(EMPTY, 0.0, zeros$(t) > 0u)), 0.0, none);
    let shrink = select(exp2(m$(t) - top), 0.0, none);
    // Without them, exp2(-top) is infinite where all scores are far below 0, and 0 times it no number.
    let sum = l$(t) * shrink + select(0.0, f32(zeros$(t)) * exp2(-top), zeros$(t) > 0u);
    var log_sum = select(EMPTY, top + log2(sum), sum != 0.0);
    var scale = vec2f(select(0.0, shrink * params.out_scale / sum, sum != 0.0), 0.0);
    if (params.accumulate != 0u) {
      let before = lse[lse_at(mine.head, row_place(softmax_row + $(t * UNIT_M)u))];
      if (before > EMPTY_BOUND) {
        let highest = max(before * LOG2_E, log_sum);
        let old = exp2(before * LOG2_E - highest);
        let now = exp2(log_sum - highest);
        scale = vec2f(scale.x * now, old) / (old + now);
        log_sum = highest + log2(old + now);
      }
    }
    row_scale[softmax_row + $(t * UNIT_M)u] = scale;
    lse[lse_at(mine.head, row_place(softmax_row + $(t * UNIT_M)u))] = select(
      EMPTY,
      log_sum * LN_2,
      log_sum > EMPTY_BOUND,
    );
  }
#end
#let CHUNK = BLOCK_N / UNIT_N / SUBGROUPS_N
#for begin in 0..(OWN_HEAD_TILES + CHUNK - 1) / CHUNK
#let WIDTH = min(CHUNK, OWN_HEAD_TILES - begin * CHUNK)
#let BLOCKS = WIDTH * SUBGROUPS_N * UNIT_N / 8
  workgroupBarrier();
#for t in 0..ROW_TILES
#for n in 0..WIDTH
  subgroupMatrixStore<row_major>(
    &scores,
    (first + $(t * UNIT_M)u) * $(SCORE_PITCH)u + $(n * SUBGROUPS_N * UNIT_N / 4)u + side * $(UNIT_N / 4)u,
    o$(t)_$(begin * CHUNK + n),
    $(SCORE_PITCH)u,
  );
#end
#end
  workgroupBarrier();
#let STORES = (BLOCK_M * BLOCKS + THREADS - 1) / THREADS
#for i in 0..STORES
  let row$(begin)_$(i) = min((thread + $(i * THREADS)u) / $(BLOCKS)u, $(BLOCK_M - 1)u);
  let at$(begin)_$(i) = query_at(mine.head, row_place(min(row$(begin)_$(i), mine.count - 1u))) * $(ROW_BLOCKS)u +
    $(begin * CHUNK * SUBGROUPS_N * UNIT_N / 8)u + (thread + $(i * THREADS)u) % $(BLOCKS)u;
#if F32_STATE
  var left$(begin)_$(i) = vec4f();
  var right$(begin)_$(i) = vec4f();
  if (params.accumulate != 0u) {
    left$(begin)_$(i) = bitcast<vec4f>(out[2u * at$(begin)_$(i)]);
    right$(begin)_$(i) = bitcast<vec4f>(out[2u * at$(begin)_$(i) + 1u]);
  }
#else
  var old$(begin)_$(i) = vec4u();
  if (params.accumulate != 0u) { old$(begin)_$(i) = out[at$(begin)_$(i)]; }
#end
#end
#for i in 0..STORES
  if ((thread + $(i * THREADS)u) / $(BLOCKS)u < mine.count) {
    let source = row$(begin)_$(i) * $(SCORE_PITCH)u + (thread + $(i * THREADS)u) % $(BLOCKS)u * 2u;
    let scale = row_scale[row$(begin)_$(i)];
#if F32_STATE
    out[2u * at$(begin)_$(i)] = bitcast<vec4u>(bitcast<vec4f>(scores[source]) * scale.x + left$(begin)_$(i) * scale.y);
    out[2u * at$(begin)_$(i) + 1u] = bitcast<vec4u>(bitcast<vec4f>(scores[source + 1u]) * scale.x + right$(begin)_$(i) * scale.y);
#else
    let a = bitcast<vec4f>(scores[source]) * scale.x + low(old$(begin)_$(i)) * scale.y;
    let b = bitcast<vec4f>(scores[source + 1u]) * scale.x + high(old$(begin)_$(i)) * scale.y;
    out[at$(begin)_$(i)] = pack(a, b);
#end
  }
#end
#end

  // A share of all operands is looked at for what only exact kernels get right: two halves at a time, as `look` of
  // look.wgsl, whose sum with `limit` has the top bit set where a half is not to be trusted. Spelled out, and
  // last: as a function, or in the way of what comes before, it costs a fifth of the kernel's speed.
  var bits = vec4u();
  for (
    var i = group * $(THREADS)u + thread;
    i < max(params.look_q, max(params.look_k, params.look_v));
    i += 2u * params.look_groups * $(THREADS)u
  ) {
    let j = i + params.look_groups * $(THREADS)u;
    let q_i = q[min(i, params.look_q - 1u)] & vec4u(0x7fff7fffu);
    let q_j = q[min(j, params.look_q - 1u)] & vec4u(0x7fff7fffu);
    let k_i = k[min(i, params.look_k - 1u)] & vec4u(0x7fff7fffu);
    let k_j = k[min(j, params.look_k - 1u)] & vec4u(0x7fff7fffu);
    let v_i = v[min(i, params.look_v - 1u)] & vec4u(0x7fff7fffu);
    let v_j = v[min(j, params.look_v - 1u)] & vec4u(0x7fff7fffu);
    bits |= (q_i + params.limit) | (q_j + params.limit);
    bits |= (k_i + params.limit) | (k_j + params.limit);
    bits |= (v_i + params.limit) | (v_j + params.limit);
  }
  if (any((bits & vec4u(0x80008000u)) != vec4u())) { mark[params.mark_at] = params.mark_call; }
}
