#if KEY
const TRANSPOSED = true;
#else
const TRANSPOSED = false;
#end
#let REGION = BLOCK_M * SCORE_PITCH
#let TILE = BLOCK_N * OPERAND_PITCH
#let SLICES = SUBGROUPS_N / 2
#let OWN_SCORE_TILES = SCORE_TILES / SLICES
#let EIGHTS = BLOCK_N / 8
#let ITEMS = (BLOCK_M * EIGHTS + THREADS - 1) / THREADS
#if KEY
#let OWN_HEAD_TILES = HEAD_TILES / SLICES
/** lse and delta of the columns' queries, two buffers. */
var<workgroup> column_stats: array<vec2f, $(2 * BLOCK_N)>;
#else
#let HALF = (HEAD_TILES + 1) / 2
#let OWN_HEAD_TILES = HALF / SLICES
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
  let first = subgroup % $(SUBGROUPS_M)u * $(ROW_TILES * UNIT_M)u;
  // Which pair of tensors it multiplies, and which columns of the products. The bounds are for the compiler: what it
  // can see to stay inside needs no check.
  let side = min(subgroup / $(SUBGROUPS_M * SLICES)u, 1u);
  let slice = min(subgroup / $(SUBGROUPS_M)u % $(SLICES)u, $(SLICES - 1)u);
  let rescale = gradient_scale();
  let factor = params.out_scale * rescale.x;

  // Rows, by way of `scores`, in chunks that fit it.
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
#for t in 0..ROW_OPERANDS
#for k in 0..BLOCKS * 8 / UNIT_K
  let x$(t)_$(begin * CHUNK * 8 / UNIT_K + k) = subgroupMatrixLoad<Right, col_major>(
    &scores,
    side * $(REGION)u + (first + $(t * UNIT_N)u) * $(CHUNK_PITCH)u + $(k * UNIT_K / PER_BLOCK)u,
    $(CHUNK_PITCH)u,
  );
#end
#end
#end

#for t in 0..ROW_TILES
#for d in 0..OWN_HEAD_TILES
  var o$(t)_$(d) = Result();
#end
#end
#for i in 0..ITEMS
  let row$(i) = (thread + $(i * THREADS)u) % $(BLOCK_M)u;
  let eight$(i) = (thread + $(i * THREADS)u) / $(BLOCK_M)u;
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
      // Steps from begin in [unmasked.x, unmasked.y - BLOCK_N] need no look at single columns.
      var unmasked = vec2u(0u, select(0u, others.end, !HAS_MASK && !DROPOUT && others.whole != 0u));
      if (params.bounded != 0u) {
#if KEY + WINDOW
        let ahead = max(i32(mine.last) + others.low - i32(others.first), 0);
        unmasked.x = (u32(ahead) + others.step - 1u) / others.step;
#end
#if 1 - KEY + WINDOW
        let reach = i32(mine.first) + others.high - i32(others.first);
        unmasked.y = min(unmasked.y, select(0u, u32(reach) / others.step + 1u, reach >= 0));
#end
      }
#for i in 0..ITEMS
      var takes_part$(i) = row$(i) < mine.count && (others.whole != 0u || row_takes_part(own$(i)));
#if KEY
      if (HAS_MASK && takes_part$(i)) { takes_part$(i) = key_counts(row_place(row$(i))); }
#end
      // The columns that the row counts with.
      var range$(i) = vec2u(0u, select(0u, others.end, takes_part$(i)));
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
      if (takes_part$(i)) {
        let at = stats_at(head, row_place(row$(i)));
        stat$(i) = vec2f(stats[at], stats[at + delta] * rescale.x);
      }
#end
#end
#for i in 0..FETCHES
#if (i + 1) * THREADS > TILE_BLOCKS
      if (line$(i) < $(BLOCK_N)u)
#end
      {
        let at = base + min(others.begin + line$(i), last) * step + column$(i);
        let then = base + min(others.begin + $(BLOCK_N)u + line$(i), last) * step + column$(i);
#if KEY
        put_column(line$(i) * $(OPERAND_PITCH)u, column$(i), q[at]);
        put_column(($(BLOCK_N)u + line$(i)) * $(OPERAND_PITCH)u, column$(i), dout[at]);
        next0_$(i) = q[then];
        next1_$(i) = dout[then];
#else
        put_column(line$(i) * $(OPERAND_PITCH)u, column$(i), k[at]);
        put_column(($(2 * BLOCK_N)u + line$(i)) * $(OPERAND_PITCH)u, column$(i), v[at]);
        next0_$(i) = k[then];
        next1_$(i) = v[then];
#end
      }
#end
#if KEY
      if (thread < $(BLOCK_N)u) {
        let at = stats_base + min(others.begin + thread, last) * stats_step;
        let then = stats_base + min(others.begin + $(BLOCK_N)u + thread, last) * stats_step;
        column_stats[thread] = vec2f(stats[at], stats[at + delta] * rescale.x);
        next_stat = vec2f(stats[then], stats[then + delta] * rescale.x);
      }
#end
      var buffer = 0u;
      for (var begin = others.begin; ; begin += $(BLOCK_N)u) {
        workgroupBarrier();
        if (begin > others.begin) {
          // dV += P · dout by the one half, dK += dS · q by the other; or dQ += dS · k, half of the columns each.
#if KEY
          let before = min(1u - buffer, 1u) * $(2 * TILE)u + (1u - side) * $(TILE)u + slice * $(UNIT_N / PER_BLOCK)u;
#else
          let before = min(1u - buffer, 1u) * $(TILE)u;
#end
#for k in 0..WEIGHT_TILES
#for t in 0..ROW_TILES
#if KEY
          let w$(t)_$(k) = subgroupMatrixLoad<Left, row_major>(
            &weights,
            (side * $(BLOCK_M)u + first + $(t * UNIT_M)u) * $(WEIGHT_PITCH)u + $(k * UNIT_K / PER_BLOCK)u,
            $(WEIGHT_PITCH)u,
          );
#else
          let w$(t)_$(k) = subgroupMatrixLoad<Left, row_major>(
            &weights,
            (first + $(t * UNIT_M)u) * $(WEIGHT_PITCH)u + $(k * UNIT_K / PER_BLOCK)u,
            $(WEIGHT_PITCH)u,
          );
#end
#end
#for d in 0..OWN_HEAD_TILES
          {
#if KEY
            let other = subgroupMatrixLoad<Right, row_major>(
              &columns,
              before + $(k * UNIT_K * OPERAND_PITCH + d * SLICES * UNIT_N / PER_BLOCK)u,
              $(OPERAND_PITCH)u,
            );
#else
            let other = subgroupMatrixLoad<Right, row_major>(
              &columns,
              before +
                $(k * UNIT_K * OPERAND_PITCH)u +
                min(side * $(HALF)u + slice + $(d * SLICES)u, $(HEAD_TILES - 1)u) * $(UNIT_N / PER_BLOCK)u,
              $(OPERAND_PITCH)u,
            );
#end
#for t in 0..ROW_TILES
            o$(t)_$(d) = subgroupMatrixMultiplyAccumulate(w$(t)_$(k), other, o$(t)_$(d));
#end
          }
#end
#end
        }
        if (begin >= others.end) { break; }
#if KEY
        let now = min(buffer, 1u) * $(2 * TILE)u + side * $(TILE)u + slice * $(UNIT_M * OPERAND_PITCH)u;
#else
        let now = min(select(buffer, 2u, side == 1u), 2u) * $(TILE)u + slice * $(UNIT_M * OPERAND_PITCH)u;
#end
#for n in 0..OWN_SCORE_TILES
        {
#for k in 0..DEPTH_TILES
          let y$(k) = subgroupMatrixLoad<Left, row_major>(
            &columns,
            now + $(n * SLICES * UNIT_M * OPERAND_PITCH + k * UNIT_K / PER_BLOCK)u,
            $(OPERAND_PITCH)u,
          );
#end
#for t in 0..ROW_OPERANDS
          var s$(t) = Result();
#for k in 0..DEPTH_TILES
          s$(t) = subgroupMatrixMultiplyAccumulate(y$(k), x$(t)_$(k), s$(t));
#end
          subgroupMatrixStore<col_major>(
            &scores,
            side * $(REGION)u +
              (first + $(t * UNIT_N)u) * $(SCORE_PITCH)u + $(n * SLICES * UNIT_M / 4)u + slice * $(UNIT_M / 4)u,
            s$(t),
            $(SCORE_PITCH)u,
          );
#end
        }
#end
        workgroupBarrier();
        let masked = begin < unmasked.x || begin + $(BLOCK_N)u > unmasked.y;
#for i in 0..ITEMS
#if (i + 1) * THREADS > BLOCK_M * EIGHTS
        if (eight$(i) < $(EIGHTS)u)
#end
        {
          let at = row$(i) * $(SCORE_PITCH)u + eight$(i) * 2u;
#for c in 0..2
          var p$(c) = bitcast<vec4f>(scores[at + $(c)u]) * params.scale_log2;
          var s$(c) = bitcast<vec4f>(scores[$(REGION)u + at + $(c)u]);
#if KEY
          let from$(c) = buffer * $(BLOCK_N)u + eight$(i) * 8u + $(c * 4)u;
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
          if (masked) {
            p$(c) = select(vec4f(), p$(c), seen(begin + eight$(i) * 8u + $(c * 4)u, range$(i)));
#if SINGLE_KEY
            delta$(c) = select(delta$(c), factor * s$(c), p$(c) > vec4f(SINGLE_KEY_WEIGHT));
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
          put_weights($(BLOCK_M)u + row$(i), eight$(i), s0, s1);
#else
          put_weights(row$(i), eight$(i), s0, s1);
#end
        }
#end
#if KEY
        let into = min(1u - buffer, 1u) * $(2 * BLOCK_N)u;
        let into_second = into + $(BLOCK_N)u;
#else
        let into = min(1u - buffer, 1u) * $(BLOCK_N)u;
        let into_second = $(2 * BLOCK_N)u;
#end
#for i in 0..FETCHES
#if (i + 1) * THREADS > TILE_BLOCKS
        if (line$(i) < $(BLOCK_N)u)
#end
        {
          put_column((into + line$(i)) * $(OPERAND_PITCH)u, column$(i), next0_$(i));
          put_column((into_second + line$(i)) * $(OPERAND_PITCH)u, column$(i), next1_$(i));
          let then = base + min(begin + $(2 * BLOCK_N)u + line$(i), last) * step + column$(i);
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
        if (thread < $(BLOCK_N)u) {
          column_stats[min(1u - buffer, 1u) * $(BLOCK_N)u + thread] = next_stat;
          let then = stats_base + min(begin + $(2 * BLOCK_N)u + thread, last) * stats_step;
          next_stat = vec2f(stats[then], stats[then + delta] * rescale.x);
        }
#end
        buffer = 1u - buffer;
      }
    }
  }

#let CHUNK = BLOCK_N / UNIT_N / SLICES
#for begin in 0..(OWN_HEAD_TILES + CHUNK - 1) / CHUNK
#let WIDTH = min(CHUNK, OWN_HEAD_TILES - begin * CHUNK)
#let BLOCKS = WIDTH * SLICES * UNIT_N / 8
  workgroupBarrier();
#for t in 0..ROW_TILES
#for n in 0..WIDTH
  subgroupMatrixStore<row_major>(
    &scores,
    side * $(REGION)u +
      (first + $(t * UNIT_M)u) * $(SCORE_PITCH)u + $(n * SLICES * UNIT_N / 4)u + slice * $(UNIT_N / 4)u,
    o$(t)_$(begin * CHUNK + n),
    $(SCORE_PITCH)u,
  );
#end
#end
  workgroupBarrier();
  for (var i = thread; i < mine.count * $(BLOCKS)u; i += $(THREADS)u) {
    let r = i / $(BLOCKS)u;
    let source = r * $(SCORE_PITCH)u + i % $(BLOCKS)u * 2u;
    let at = row_block(mine.head, r);
    let a = array<vec4f, 4>(bitcast<vec4f>(scores[source]), bitcast<vec4f>(scores[source + 1u]), bitcast<vec4f>(scores[$(REGION)u + source]), bitcast<vec4f>(scores[$(REGION)u + source + 1u]));
    let d = $(begin * CHUNK * SLICES * UNIT_N / 8)u + i % $(BLOCKS)u;
    let back = rescale.y * params.scale;
#if KEY
    write_dv(at + d, a[0] * params.out_scale, a[1] * params.out_scale);
    write_dk(at + d, a[2] * back, a[3] * back);
#else
    write_dq(at + d, a[0] * back, a[1] * back);
    let right = d + $(HALF * UNIT_N / 8)u;
    if (right < $(ROW_BLOCKS)u) { write_dq(at + right, a[2] * back, a[3] * back); }
#end
  }
#end
}
