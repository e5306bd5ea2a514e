#if KEY
const TRANSPOSED = true;
#else
const TRANSPOSED = false;
#end
#let REGION = ROWS * SCORE_PITCH
#let TILE = BK * OP_PITCH
#let CS = WC / 2
#let NW = NT / CS
#let BK8 = BK / 8
#let ITEMS = (ROWS * BK8 + THREADS - 1) / THREADS
#if KEY
#let OUT = DT / CS
/** lse and delta of the columns' queries, two buffers. */
var<workgroup> column_stats: array<vec2f, $(2 * BK)>;
#else
#let HALF = (DT + 1) / 2
#let OUT = HALF / CS
#end

/** First block of row j. */
fn row_block(head: u32, row: u32) -> u32 {
#if KEY
  return key_at(head, row_place(row)) * $(ROW_BLOCKS)u;
#else
  return query_at(head, row_place(row)) * $(ROW_BLOCKS)u;
#end
}

/** Which of the columns first, first + 1, ... of a run are in [range.x, range.y) and count. */
fn seen(first: u32, range: vec2u) -> vec4<bool> {
  let column = vec4u(first) + vec4u(0u, 1u, 2u, 3u);
  var see = (column >= vec4u(range.x)) & (column < vec4u(range.y));
#if KEY
#else
  if (HAS_MASK) {
    for (var i = 0u; i < 4u; i++) {
      if (see[i]) { see[i] = key_counts(column_place(column[i])); }
    }
  }
#end
  return see;
}

@compute @workgroup_size($(THREADS))
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  if (thread == 0u) { open_group(group); }
  let mine = workgroupUniformLoad(&tile);
  if (mine.count == 0u) { return; }
  let first = subgroup % $(WR)u * $(RT * MM)u;
  // Which pair of tensors it multiplies, and which columns of the products. The bounds are for the compiler: what it can see to stay inside needs no check.
  let side = min(subgroup / $(WR * CS)u, 1u);
  let slice = min(subgroup / $(WR)u % $(CS)u, $(CS - 1)u);
  let rescale = gradient_scale();
  let factor = params.out_scale * rescale.x;

  // Rows, by way of `scores`, in chunks that fit it.
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
    let at$(i) = row_block(mine.head, min(r$(i), mine.count - 1u)) + $(begin * CHUNK)u + (thread + $(i * THREADS)u) % $(BLOCKS)u;
#if KEY
    let block0_$(i) = k[at$(i)];
    let block1_$(i) = v[at$(i)];
#else
    let block0_$(i) = q[at$(i)];
    let block1_$(i) = dout[at$(i)];
#end
#end
#for i in 0..LOADS
    put_score(r$(i) * $(CHUNK_PITCH)u, (thread + $(i * THREADS)u) % $(BLOCKS)u, block0_$(i));
    put_score($(REGION)u + r$(i) * $(CHUNK_PITCH)u, (thread + $(i * THREADS)u) % $(BLOCKS)u, block1_$(i));
#end
  }
  workgroupBarrier();
#for t in 0..QT
#for k in 0..BLOCKS * 8 / MK
  let x$(t)_$(begin * CHUNK * 8 / MK + k) = subgroupMatrixLoad<Right, col_major>(&scores, side * $(REGION)u + (first + $(t * MN)u) * $(CHUNK_PITCH)u + $(k * MK / PER)u, $(CHUNK_PITCH)u);
#end
#end
#end

#for t in 0..RT
#for d in 0..OUT
  var o$(t)_$(d) = Result();
#end
#end
#for i in 0..ITEMS
  let row$(i) = (thread + $(i * THREADS)u) % $(ROWS)u;
  let eight$(i) = (thread + $(i * THREADS)u) / $(ROWS)u;
  let own$(i) = row_position(row$(i));
#end
#if KEY
  var next_stat = vec2f();
#end
#for i in 0..FETCHES
  let line$(i) = (thread + $(i * THREADS)u) / $(ROW_BLOCKS)u;
  let column$(i) = (thread + $(i * THREADS)u) % $(ROW_BLOCKS)u;
  var next0_$(i) = vec4u();
  var next1_$(i) = vec4u();
#end

#if KEY
  for (var member = 0u; member < params.heads_q / params.heads_kv; member++) {
    let head = mine.head * (params.heads_q / params.heads_kv) + member;
#else
  {
    let head = mine.head;
#end
    if (thread == 0u) { open_runs(head); }
    loop {
      if (thread == 0u) { next_run(); }
      let others = workgroupUniformLoad(&run);
      if (others.live == 0u) { break; }
#if KEY
      let base = query_at(head, others.place) * $(ROW_BLOCKS)u;
      let step = others.pitch * params.heads_q * $(ROW_BLOCKS)u;
      let stats_base = stats_at(head, others.place);
      let stats_step = others.pitch * params.heads_q * params.stat_words;
#else
      let base = key_at(head / query_group(), others.place) * $(ROW_BLOCKS)u;
      let step = others.pitch * params.heads_kv * $(ROW_BLOCKS)u;
#end
      let last = others.end - 1u;
      let delta = delta_word();
      // Steps from begin in [clean.x, clean.y - BK] need no look at single columns.
      var clean = vec2u(0u, select(0u, others.end, !HAS_MASK && !DROPOUT && others.whole != 0u));
      if (params.bounded != 0u) {
#if KEY + WINDOW
        let ahead = max(i32(mine.last) + others.low - i32(others.first), 0);
        clean.x = (u32(ahead) + others.step - 1u) / others.step;
#end
#if 1 - KEY + WINDOW
        let reach = i32(mine.first) + others.high - i32(others.first);
        clean.y = min(clean.y, select(0u, u32(reach) / others.step + 1u, reach >= 0));
#end
      }
#for i in 0..ITEMS
      var part$(i) = row$(i) < mine.count && (others.whole != 0u || row_takes_part(own$(i)));
#if KEY
      if (HAS_MASK && part$(i)) { part$(i) = key_counts(row_place(row$(i))); }
#end
      // The columns that the row counts with.
      var range$(i) = vec2u(0u, select(0u, others.end, part$(i)));
      if (params.bounded != 0u) {
#if KEY + WINDOW
        let ahead = max(i32(own$(i)) + others.low - i32(others.first), 0);
        range$(i).x = (u32(ahead) + others.step - 1u) / others.step;
#end
#if 1 - KEY + WINDOW
        let reach = i32(own$(i)) + others.high - i32(others.first);
        range$(i).y = min(range$(i).y, select(0u, u32(reach) / others.step + 1u, reach >= 0));
#end
      }
#if KEY
#else
      var stat$(i) = vec2f();
      if (part$(i)) {
        let at = stats_at(head, row_place(row$(i)));
        stat$(i) = vec2f(stats[at], stats[at + delta] * rescale.x);
      }
#end
#end
#for i in 0..FETCHES
#if (i + 1) * THREADS > TILE_BLOCKS
      if (line$(i) < $(BK)u)
#end
      {
        let at = base + min(others.begin + line$(i), last) * step + column$(i);
        let then = base + min(others.begin + $(BK)u + line$(i), last) * step + column$(i);
#if KEY
        put_column(line$(i) * $(OP_PITCH)u, column$(i), q[at]);
        put_column(($(BK)u + line$(i)) * $(OP_PITCH)u, column$(i), dout[at]);
        next0_$(i) = q[then];
        next1_$(i) = dout[then];
#else
        put_column(line$(i) * $(OP_PITCH)u, column$(i), k[at]);
        put_column(($(2 * BK)u + line$(i)) * $(OP_PITCH)u, column$(i), v[at]);
        next0_$(i) = k[then];
        next1_$(i) = v[then];
#end
      }
#end
#if KEY
      if (thread < $(BK)u) {
        let at = stats_base + min(others.begin + thread, last) * stats_step;
        let then = stats_base + min(others.begin + $(BK)u + thread, last) * stats_step;
        column_stats[thread] = vec2f(stats[at], stats[at + delta] * rescale.x);
        next_stat = vec2f(stats[then], stats[then + delta] * rescale.x);
      }
#end
      var turn = 0u;
      for (var begin = others.begin; ; begin += $(BK)u) {
        workgroupBarrier();
        if (begin > others.begin) {
          // dV += P · dout by the one half, dK += dS · q by the other; or dQ += dS · k, half of the columns each.
#if KEY
          let before = min(1u - turn, 1u) * $(2 * TILE)u + (1u - side) * $(TILE)u + slice * $(MN / PER)u;
#else
          let before = min(1u - turn, 1u) * $(TILE)u;
#end
#for k in 0..PT
#for t in 0..RT
#if KEY
          let w$(t)_$(k) = subgroupMatrixLoad<Left, row_major>(&weights, (side * $(ROWS)u + first + $(t * MM)u) * $(WEIGHT_PITCH)u + $(k * MK / PER)u, $(WEIGHT_PITCH)u);
#else
          let w$(t)_$(k) = subgroupMatrixLoad<Left, row_major>(&weights, (first + $(t * MM)u) * $(WEIGHT_PITCH)u + $(k * MK / PER)u, $(WEIGHT_PITCH)u);
#end
#end
#for d in 0..OUT
          {
#if KEY
            let other = subgroupMatrixLoad<Right, row_major>(&columns, before + $(k * MK * OP_PITCH + d * CS * MN / PER)u, $(OP_PITCH)u);
#else
            let other = subgroupMatrixLoad<Right, row_major>(&columns, before + $(k * MK * OP_PITCH)u + min(side * $(HALF)u + slice + $(d * CS)u, $(DT - 1)u) * $(MN / PER)u, $(OP_PITCH)u);
#end
#for t in 0..RT
            o$(t)_$(d) = subgroupMatrixMultiplyAccumulate(w$(t)_$(k), other, o$(t)_$(d));
#end
          }
#end
#end
        }
        if (begin >= others.end) { break; }
#if KEY
        let now = min(turn, 1u) * $(2 * TILE)u + side * $(TILE)u + slice * $(MM * OP_PITCH)u;
#else
        let now = min(select(turn, 2u, side == 1u), 2u) * $(TILE)u + slice * $(MM * OP_PITCH)u;
#end
#for n in 0..NW
        {
#for k in 0..KT
          let y$(k) = subgroupMatrixLoad<Left, row_major>(&columns, now + $(n * CS * MM * OP_PITCH + k * MK / PER)u, $(OP_PITCH)u);
#end
#for t in 0..QT
          var s$(t) = Result();
#for k in 0..KT
          s$(t) = subgroupMatrixMultiplyAccumulate(y$(k), x$(t)_$(k), s$(t));
#end
          subgroupMatrixStore<col_major>(&scores, side * $(REGION)u + (first + $(t * MN)u) * $(SCORE_PITCH)u + $(n * CS * MM / 4)u + slice * $(MM / 4)u, s$(t), $(SCORE_PITCH)u);
#end
        }
#end
        workgroupBarrier();
        let partial = begin < clean.x || begin + $(BK)u > clean.y;
#for i in 0..ITEMS
#if (i + 1) * THREADS > ROWS * BK8
        if (eight$(i) < $(BK8)u)
#end
        {
          let at = row$(i) * $(SCORE_PITCH)u + eight$(i) * 2u;
#for c in 0..2
          var p$(c) = bitcast<vec4f>(scores[at + $(c)u]) * params.scale_log2;
          var s$(c) = bitcast<vec4f>(scores[$(REGION)u + at + $(c)u]);
#if KEY
          let from$(c) = turn * $(BK)u + eight$(i) * 8u + $(c * 4)u;
          let lse$(c) = vec4f(column_stats[from$(c)].x, column_stats[from$(c) + 1u].x, column_stats[from$(c) + 2u].x, column_stats[from$(c) + 3u].x);
          var delta$(c) = vec4f(column_stats[from$(c)].y, column_stats[from$(c) + 1u].y, column_stats[from$(c) + 2u].y, column_stats[from$(c) + 3u].y);
#else
          let lse$(c) = vec4f(stat$(i).x);
          var delta$(c) = vec4f(stat$(i).y);
#end
#if SOFTCAP
          p$(c) = capped(p$(c));
          let slope$(c) = cap_slope(p$(c));
#end
          p$(c) = exp2(p$(c) - lse$(c));
#if DROPOUT
          let others$(c) = vec4u(others.first) + others.step * (vec4u(begin + eight$(i) * 8u + $(c * 4)u) + vec4u(0u, 1u, 2u, 3u));
#if KEY
          let kept$(c) = dropout_factors(mine.batch, head, others$(c), vec4u(own$(i)));
#else
          let kept$(c) = dropout_factors(mine.batch, head, vec4u(own$(i)), others$(c));
#end
          s$(c) *= kept$(c);
#end
          if (partial) {
            p$(c) = select(vec4f(), p$(c), seen(begin + eight$(i) * 8u + $(c * 4)u, range$(i)));
#if LONE
            delta$(c) = select(delta$(c), factor * s$(c), p$(c) > vec4f(LONE_WEIGHT));
#end
          }
#if SOFTCAP
          s$(c) = clamp(p$(c) * (factor * s$(c) - delta$(c)) * slope$(c), vec4f(-LARGEST), vec4f(LARGEST));
#else
          s$(c) = clamp(p$(c) * (factor * s$(c) - delta$(c)), vec4f(-LARGEST), vec4f(LARGEST));
#end
#if DROPOUT
          p$(c) *= kept$(c);
#end
#end
#if KEY
          put_weights(row$(i), eight$(i), p0, p1);
          put_weights($(ROWS)u + row$(i), eight$(i), s0, s1);
#else
          put_weights(row$(i), eight$(i), s0, s1);
#end
        }
#end
#if KEY
        let into = min(1u - turn, 1u) * $(2 * BK)u;
        let into_second = into + $(BK)u;
#else
        let into = min(1u - turn, 1u) * $(BK)u;
        let into_second = $(2 * BK)u;
#end
#for i in 0..FETCHES
#if (i + 1) * THREADS > TILE_BLOCKS
        if (line$(i) < $(BK)u)
#end
        {
          put_column((into + line$(i)) * $(OP_PITCH)u, column$(i), next0_$(i));
          put_column((into_second + line$(i)) * $(OP_PITCH)u, column$(i), next1_$(i));
          let then = base + min(begin + $(2 * BK)u + line$(i), last) * step + column$(i);
#if KEY
          next0_$(i) = q[then];
          next1_$(i) = dout[then];
#else
          next0_$(i) = k[then];
          next1_$(i) = v[then];
#end
        }
#end
#if KEY
        if (thread < $(BK)u) {
          column_stats[min(1u - turn, 1u) * $(BK)u + thread] = next_stat;
          let then = stats_base + min(begin + $(2 * BK)u + thread, last) * stats_step;
          next_stat = vec2f(stats[then], stats[then + delta] * rescale.x);
        }
#end
        turn = 1u - turn;
      }
    }
  }

#let CHUNK = BK / MN / CS
#for begin in 0..(OUT + CHUNK - 1) / CHUNK
#let WIDTH = min(CHUNK, OUT - begin * CHUNK)
#let BLOCKS = WIDTH * CS * MN / 8
  workgroupBarrier();
#for t in 0..RT
#for n in 0..WIDTH
  subgroupMatrixStore<row_major>(&scores, side * $(REGION)u + (first + $(t * MM)u) * $(SCORE_PITCH)u + $(n * CS * MN / 4)u + slice * $(MN / 4)u, o$(t)_$(begin * CHUNK + n), $(SCORE_PITCH)u);
#end
#end
  workgroupBarrier();
  for (var i = thread; i < mine.count * $(BLOCKS)u; i += $(THREADS)u) {
    let r = i / $(BLOCKS)u;
    let source = r * $(SCORE_PITCH)u + i % $(BLOCKS)u * 2u;
    let at = row_block(mine.head, r);
    let a = array<vec4f, 4>(bitcast<vec4f>(scores[source]), bitcast<vec4f>(scores[source + 1u]), bitcast<vec4f>(scores[$(REGION)u + source]), bitcast<vec4f>(scores[$(REGION)u + source + 1u]));
    let d = $(begin * CHUNK * CS * MN / 8)u + i % $(BLOCKS)u;
    let back = rescale.y * params.scale;
#if KEY
    write_dv(at + d, a[0] * params.out_scale, a[1] * params.out_scale);
    write_dk(at + d, a[2] * back, a[3] * back);
#else
    write_dq(at + d, a[0] * back, a[1] * back);
    let right = d + $(HALF * MN / 8)u;
    if (right < $(ROW_BLOCKS)u) { write_dq(at + right, a[2] * back, a[3] * back); }
#end
  }
#end
}

#if KEY
fn write_dk(at: u32, a: vec4f, b: vec4f) {
#if STATE32
  dk[2u * at] = bitcast<vec4u>(a + select(vec4f(), bitcast<vec4f>(dk[2u * at]), params.carry != 0u));
  dk[2u * at + 1u] = bitcast<vec4u>(b + select(vec4f(), bitcast<vec4f>(dk[2u * at + 1u]), params.carry != 0u));
#else
  if (params.carry == 0u) { dk[at] = pack(a, b); }
  else { dk[at] = pack(a + low(dk[at]), b + high(dk[at])); }
#end
}

fn write_dv(at: u32, a: vec4f, b: vec4f) {
#if STATE32
  dv[2u * at] = bitcast<vec4u>(a + select(vec4f(), bitcast<vec4f>(dv[2u * at]), params.carry != 0u));
  dv[2u * at + 1u] = bitcast<vec4u>(b + select(vec4f(), bitcast<vec4f>(dv[2u * at + 1u]), params.carry != 0u));
#else
  if (params.carry == 0u) { dv[at] = pack(a, b); }
  else { dv[at] = pack(a + low(dv[at]), b + high(dv[at])); }
#end
}
#else
fn write_dq(at: u32, a: vec4f, b: vec4f) {
#if STATE32
  dq[2u * at] = bitcast<vec4u>(a + select(vec4f(), bitcast<vec4f>(dq[2u * at]), params.carry != 0u));
  dq[2u * at + 1u] = bitcast<vec4u>(b + select(vec4f(), bitcast<vec4f>(dq[2u * at + 1u]), params.carry != 0u));
#else
  if (params.carry == 0u) { dq[at] = pack(a, b); }
  else { dq[at] = pack(a + low(dq[at]), b + high(dq[at])); }
#end
}
#end
