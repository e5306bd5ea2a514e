// Forward on matrix units: out = softmax over the multiset of keys that the launch visits, and its log-sum-exp.
//
// A row's numerators stay in matrix registers, which nothing can scale, so its maximum is guessed from the first keys it sees (plus MARGIN) and kept: weights up
// to 2^16 above fit f16, their sum says whether that was enough, and a tile whose guess failed is done again with the exact maximum (attempts 1 and 2). Scores
// beyond the guess by 15 nats are what that takes: rare in any trained model, and then slower, never wrong.
//
// Two barriers a step: scores of the next keys and the product of the last weights fall between them together.

#let ST = RT / WC
#let NW = NT / WC
#let DW = DT / WC
const TRANSPOSED = false;
const MARGIN = 6.0;
const LARGEST_SUM = 3e4;

var<workgroup> k_tile: array<vec4u, $(BK * OP_PITCH)>;
var<workgroup> v_tile: array<vec4u, $(BK * OP_PITCH)>;
var<workgroup> scores: array<vec4u, $(ROWS * SCORE_PITCH)>;
var<workgroup> weights: array<vec4u, $(ROWS * WEIGHT_PITCH)>;
/** What the epilogue multiplies a row's sums with, and what it held before. */
var<workgroup> row_scale: array<vec2f, $(ROWS)>;
var<workgroup> retry: atomic<u32>;

// Block `column` of a row of f16, as operands.
fn put_k(row: u32, column: u32, block: vec4u) {
#if WIDE
  k_tile[row + column * 2u] = bitcast<vec4u>(low(block));
  k_tile[row + column * 2u + 1u] = bitcast<vec4u>(high(block));
#else
  k_tile[row + column] = block;
#end
}

fn put_v(row: u32, column: u32, block: vec4u) {
#if WIDE
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

/** Maximum over the lanes of a row, which stand MM apart. */
fn across_max(v: f32) -> f32 {
  var x = v;
#for i in 0..LPR / 2
#if i == 0 || i == 1 || i == 3
  x = max(x, subgroupShuffleXor(x, $(MM * (i + 1))u));
#end
#end
  return x;
}

fn across_sum(v: f32) -> f32 {
  var x = v;
#for i in 0..LPR / 2
#if i == 0 || i == 1 || i == 3
  x += subgroupShuffleXor(x, $(MM * (i + 1))u);
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
  // Rows and columns of products, and rows of the softmax. The bounds are for the compiler: what it can see to stay inside needs no check.
  let first = subgroup % $(WR)u * $(RT * MM)u;
  let side = min(subgroup / $(WR)u, $(WC - 1)u);
  let soft = min(subgroup, $(WR * WC - 1)u) * $(ST * MM)u + lane % $(MM)u;
  let part = min(lane / $(MM)u, $(LPR - 1)u);

  // Queries, by way of `scores`, in chunks that fit it.
#let CHUNK = min(ROW_BLOCKS, (SCORE_PITCH - 1) * PER / 8)
#let CHUNK_PITCH = CHUNK * 8 / PER + 1
#for begin in 0..(ROW_BLOCKS + CHUNK - 1) / CHUNK
#let BLOCKS = min(CHUNK, ROW_BLOCKS - begin * CHUNK)
  workgroupBarrier();
  {
#let LOADS = (ROWS * BLOCKS + THREADS - 1) / THREADS
    // All on their way before the first is waited for. Rows that are not there repeat the last one: nobody looks at what becomes of them.
#for i in 0..LOADS
    let r$(i) = min((thread + $(i * THREADS)u) / $(BLOCKS)u, $(ROWS - 1)u);
    let block$(i) = q[query_at(mine.head, row_place(min(r$(i), mine.count - 1u))) * $(ROW_BLOCKS)u + $(begin * CHUNK)u + (thread + $(i * THREADS)u) % $(BLOCKS)u];
#end
#for i in 0..LOADS
    put_score(r$(i) * $(CHUNK_PITCH)u, (thread + $(i * THREADS)u) % $(BLOCKS)u, block$(i));
#end
  }
  workgroupBarrier();
#for t in 0..QT
#for k in 0..BLOCKS * 8 / MK
  let q$(t)_$(begin * CHUNK * 8 / MK + k) = subgroupMatrixLoad<Right, col_major>(&scores, (first + $(t * MN)u) * $(CHUNK_PITCH)u + $(k * MK / PER)u, $(CHUNK_PITCH)u);
#end
#end
#end

#for t in 0..ST
  var m$(t) = EMPTY;
  var l$(t) = 0.0;
  var zeros$(t) = 0u;
  let query$(t) = row_position(soft + $(t * MM)u);
  let inside$(t) = soft + $(t * MM)u < mine.count;
#end
#for t in 0..RT
#for d in 0..DW
  var o$(t)_$(d) = Result();
#end
#end
#for i in 0..FETCHES
  let key$(i) = (thread + $(i * THREADS)u) / $(ROW_BLOCKS)u;
  let column$(i) = (thread + $(i * THREADS)u) % $(ROW_BLOCKS)u;
  var next_k$(i) = vec4u();
  var next_v$(i) = vec4u();
#end

  for (var attempt = 0u; attempt < 3u; attempt++) {
    if (thread == 0u) { open_runs(mine.head); }
    loop {
      if (thread == 0u) { next_run(); }
      let keys = workgroupUniformLoad(&run);
      if (keys.live == 0u) { break; }
      let base = key_at(mine.head / query_group(), keys.place) * $(ROW_BLOCKS)u;
      let step = keys.pitch * params.heads_kv * $(ROW_BLOCKS)u;
      let last = keys.end - 1u;
      // Steps from begin in [clean.x, clean.y - BK] need no look at single columns.
      var clean = vec2u(0u, select(0u, keys.end, !HAS_MASK && !DROPOUT && keys.whole != 0u));
      if (params.bounded != 0u) {
#if WINDOW
        let ahead = max(i32(mine.last) + keys.low - i32(keys.first), 0);
        clean.x = (u32(ahead) + keys.step - 1u) / keys.step;
#end
        let reach = i32(mine.first) + keys.high - i32(keys.first);
        clean.y = min(clean.y, select(0u, u32(reach) / keys.step + 1u, reach >= 0));
      }
#for t in 0..ST
      let part$(t) = inside$(t) && (keys.whole != 0u || row_takes_part(query$(t)));
      if (part$(t) && attempt != 1u) { zeros$(t) += keys.zeros; }
      // The first column that the row sees, and behind the last.
      var begin$(t) = 0u;
      var end$(t) = select(0u, keys.end, part$(t));
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
      if (key$(i) < $(BK)u)
#end
      {
        put_k(key$(i) * $(OP_PITCH)u, column$(i), k[base + min(keys.begin + key$(i), last) * step + column$(i)]);
        next_v$(i) = v[base + min(keys.begin + key$(i), last) * step + column$(i)];
        next_k$(i) = k[base + min(keys.begin + $(BK)u + key$(i), last) * step + column$(i)];
      }
#end
      for (var begin = keys.begin; ; begin += $(BK)u) {
        workgroupBarrier();
        if (begin > keys.begin) {
#for k in 0..PT
#for t in 0..RT
          let w$(t)_$(k) = subgroupMatrixLoad<Left, row_major>(&weights, (first + $(t * MM)u) * $(WEIGHT_PITCH)u + $(k * MK / PER)u, $(WEIGHT_PITCH)u);
#end
#for d in 0..DW
          {
            let values = subgroupMatrixLoad<Right, row_major>(&v_tile, $(k * MK * OP_PITCH + d * WC * MN / PER)u + side * $(MN / PER)u, $(OP_PITCH)u);
#for t in 0..RT
            o$(t)_$(d) = subgroupMatrixMultiplyAccumulate(w$(t)_$(k), values, o$(t)_$(d));
#end
          }
#end
#end
        }
        if (begin >= keys.end) { break; }
#for n in 0..NW
        {
#for k in 0..KT
          let k$(k) = subgroupMatrixLoad<Left, row_major>(&k_tile, $(n * WC * MM * OP_PITCH + k * MK / PER)u + side * $(MM * OP_PITCH)u, $(OP_PITCH)u);
#end
#for t in 0..QT
          var s$(t) = Result();
#for k in 0..KT
          s$(t) = subgroupMatrixMultiplyAccumulate(k$(k), q$(t)_$(k), s$(t));
#end
          subgroupMatrixStore<col_major>(&scores, (first + $(t * MN)u) * $(SCORE_PITCH)u + $(n * WC * MM / 4)u + side * $(MM / 4)u, s$(t), $(SCORE_PITCH)u);
#end
        }
#end
        workgroupBarrier();
        let partial = begin < clean.x || begin + $(BK)u > clean.y;
#let LANE4 = BK / LPR / 4
#for t in 0..ST
        {
          let at = soft + $(t * MM)u;
#for c in 0..LANE4
          var x$(c) = bitcast<vec4f>(scores[at * $(SCORE_PITCH)u + part * $(LANE4)u + $(c)u]) * params.scale_log2;
#end
#if SOFTCAP
#for c in 0..LANE4
          x$(c) = capped(x$(c));
#end
#end
          if (partial) {
#for c in 0..LANE4
            x$(c) = select(vec4f(EMPTY), x$(c), seen(begin + part * $(LANE4 * 4)u + $(c * 4)u, begin$(t), end$(t)));
#end
          }
          if (attempt == 1u || subgroupAny(m$(t) < EMPTY_BOUND)) {
            var top = largest(x0);
#for c in 1..LANE4
            top = max(top, largest(x$(c)));
#end
            top = across_max(top);
            let guess = select(m$(t), top + MARGIN, m$(t) < EMPTY_BOUND && top > EMPTY_BOUND);
            m$(t) = select(guess, max(m$(t), top), attempt == 1u);
          }
          let above = select(m$(t), 0.0, m$(t) < EMPTY_BOUND);
#for c in 0..LANE4
          x$(c) = exp2(x$(c) - above);
          l$(t) += x$(c).x + x$(c).y + x$(c).z + x$(c).w;
#if DROPOUT
          x$(c) *= dropout_factors(mine.batch, mine.head, vec4u(query$(t)), vec4u(keys.first) + keys.step * (vec4u(begin + part * $(LANE4 * 4)u + $(c * 4)u) + vec4u(0u, 1u, 2u, 3u)));
#end
#end
#if WIDE
#for c in 0..LANE4
          weights[at * $(WEIGHT_PITCH)u + part * $(LANE4)u + $(c)u] = bitcast<vec4u>(x$(c));
#end
#else
#for c in 0..LANE4 / 2
          weights[at * $(WEIGHT_PITCH)u + part * $(LANE4 / 2)u + $(c)u] = pack(x$(c * 2), x$(c * 2 + 1));
#end
#end
        }
#end
#for i in 0..FETCHES
#if (i + 1) * THREADS > TILE_BLOCKS
        if (key$(i) < $(BK)u)
#end
        {
          put_v(key$(i) * $(OP_PITCH)u, column$(i), next_v$(i));
          put_k(key$(i) * $(OP_PITCH)u, column$(i), next_k$(i));
          next_v$(i) = v[base + min(begin + $(BK)u + key$(i), last) * step + column$(i)];
          next_k$(i) = k[base + min(begin + $(2 * BK)u + key$(i), last) * step + column$(i)];
        }
#end
      }
    }
    if (attempt == 0u) {
#for t in 0..ST
      l$(t) = across_sum(l$(t));
      if (!(l$(t) < LARGEST_SUM)) { atomicStore(&retry, 1u); }
#end
      if (workgroupUniformLoad(&retry) == 0u) { break; }
    }
    if (attempt < 2u) {
#for t in 0..ST
      if (attempt == 0u) { m$(t) = EMPTY; zeros$(t) = 0u; }
      l$(t) = 0.0;
#end
#for t in 0..RT
#for d in 0..DW
      o$(t)_$(d) = Result();
#end
#end
    } else {
#for t in 0..ST
      l$(t) = across_sum(l$(t));
#end
    }
  }

#for t in 0..ST
  if (inside$(t) && part == 0u) {
    // Padding keys have score 0 and value 0: they only count in the denominator.
    let none = m$(t) < EMPTY_BOUND;
    let top = select(max(m$(t), select(EMPTY, 0.0, zeros$(t) > 0u)), 0.0, none);
    let shrink = select(exp2(m$(t) - top), 0.0, none);
    let sum = l$(t) * shrink + f32(zeros$(t)) * exp2(-top);
    var log_sum = select(EMPTY, top + log2(sum), sum != 0.0);
    var scale = vec2f(select(0.0, shrink * params.out_scale / sum, sum != 0.0), 0.0);
    if (params.carry != 0u) {
      let before = lse[lse_at(mine.head, row_place(soft + $(t * MM)u))];
      if (before > EMPTY_BOUND) {
        let highest = max(before * LOG2_E, log_sum);
        let old = exp2(before * LOG2_E - highest);
        let now = exp2(log_sum - highest);
        scale = vec2f(scale.x * now, old) / (old + now);
        log_sum = highest + log2(old + now);
      }
    }
    row_scale[soft + $(t * MM)u] = scale;
    lse[lse_at(mine.head, row_place(soft + $(t * MM)u))] = select(EMPTY, log_sum * LN_2, log_sum > EMPTY_BOUND);
  }
#end
#let CHUNK = BK / MN / WC
#for begin in 0..(DW + CHUNK - 1) / CHUNK
#let WIDTH = min(CHUNK, DW - begin * CHUNK)
#let BLOCKS = WIDTH * WC * MN / 8
  workgroupBarrier();
#for t in 0..RT
#for n in 0..WIDTH
  subgroupMatrixStore<row_major>(&scores, (first + $(t * MM)u) * $(SCORE_PITCH)u + $(n * WC * MN / 4)u + side * $(MN / 4)u, o$(t)_$(begin * CHUNK + n), $(SCORE_PITCH)u);
#end
#end
  workgroupBarrier();
#let STORES = (ROWS * BLOCKS + THREADS - 1) / THREADS
#for i in 0..STORES
  let row$(begin)_$(i) = min((thread + $(i * THREADS)u) / $(BLOCKS)u, $(ROWS - 1)u);
  let at$(begin)_$(i) = query_at(mine.head, row_place(min(row$(begin)_$(i), mine.count - 1u))) * $(ROW_BLOCKS)u + $(begin * CHUNK * WC * MN / 8)u + (thread + $(i * THREADS)u) % $(BLOCKS)u;
#if STATE32
  var left$(begin)_$(i) = vec4f();
  var right$(begin)_$(i) = vec4f();
  if (params.carry != 0u) {
    left$(begin)_$(i) = bitcast<vec4f>(out[2u * at$(begin)_$(i)]);
    right$(begin)_$(i) = bitcast<vec4f>(out[2u * at$(begin)_$(i) + 1u]);
  }
#else
  var old$(begin)_$(i) = vec4u();
  if (params.carry != 0u) { old$(begin)_$(i) = out[at$(begin)_$(i)]; }
#end
#end
#for i in 0..STORES
  if ((thread + $(i * THREADS)u) / $(BLOCKS)u < mine.count) {
    let source = row$(begin)_$(i) * $(SCORE_PITCH)u + (thread + $(i * THREADS)u) % $(BLOCKS)u * 2u;
    let scale = row_scale[row$(begin)_$(i)];
#if STATE32
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
}
