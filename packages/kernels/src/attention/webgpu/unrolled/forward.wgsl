// Forward: out = softmax over the multiset of keys that the launch visits, and its log-sum-exp. Rows are queries,
// columns keys.

const TRANSPOSED = false;

/** [row][tx]: a row's maximum (or sum) over the columns of thread tx. */
var<workgroup> partial: array<vec4f, $(2 * ROWS)>;

/** Scores then come out in log2 units. */
fn load_row(kind: u32, i: u32) -> vec4f { return load_q(i) * params.scale_log2; }

fn load_column(kind: u32, i: u32) -> vec4f {
  if (kind == 0u) { return load_k(i); }
  return load_v(i);
}

fn magnitude_q(i: u32) -> vec4u { return magnitude(load_q(i)); }

fn magnitude_k(i: u32) -> vec4u { return magnitude(load_k(i)); }

fn magnitude_v(i: u32) -> vec4u { return magnitude(load_v(i)); }

fn column_counts(column: u32) -> bool {
  if (!HAS_MASK) { return true; }
  return load_mask(mask_at(column_place(column))) != 0u;
}

fn put_partial(lane: u32, i: u32, value: f32) {
  partial[2u * (lane / 8u % TY + TY * i) + lane / 4u % 2u][lane % 4u] = value;
}

fn largest(v: vec4f) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  if (lane == 0u) {
    open_group(group);
    open_runs(tile.head);
  }
  if (workgroupUniformLoad(&tile.count) == 0u) { return; }
  let tx = lane % 8u;
  let ty = lane / 8u;
  let rows = query_rows();

  // Every variable is initialised by hand: without, Dawn does not zero those of a loop body again on each turn.
  // Per row: maximum m in log2 units, this thread's share l of the denominator, numerator o.
#for i in 0..THREAD_ROWS
  var m$(i) = EMPTY_BOUND;
  var l$(i) = 0.0;
#end
  var o = Outputs();
  if (params.accumulate != 0u) {
    // Continue from what earlier launches left: a state of maximum lse and denominator 1.
#for i in 0..THREAD_ROWS
    if (ty + $(TY * i)u < rows.end) {
      let before = lse[lse_at(tile.head, row_place(ty + $(TY * i)u))];
      if (before > EMPTY_BOUND) {
        m$(i) = before * LOG2_E;
        l$(i) = select(0.0, 1.0, tx == 0u);
#if SPLIT
        let at = (rows.origin + rows.pitch * (ty + $(TY * i)u)) * $(DV / 4)u;
#else
        let at = rows.origin + rows.pitch * (ty + $(TY * i)u);
#end
#for c in 0..CHUNKS * OWN
#let begin = c / OWN * CHUNK
#let own = 8 * (c % OWN)
#let LIMIT = max(0, min(CHUNK, DV / 4 - begin))
        if (tx + $(own)u < $(LIMIT)u) { o.o$(i)_$(c) = load_out(at + tx + $(begin + own)u); }
#end
      }
    }
#end
  }
  keep_rows(lane, rows);

  loop {
    if (lane == 0u) { next_run(); }
    let now = workgroupUniformLoad(&run);
    if (now.live == 0u) { break; }
    let columns = key_columns();
    let whole = now.whole != 0u;
#for i in 0..THREAD_ROWS
    let takes_part$(i) = ty + $(TY * i)u < rows.end && (whole || row_takes_part(row_position(ty + $(TY * i)u)));
    if (takes_part$(i) && now.zeros > 0u) {
      let highest = max(m$(i), 0.0);
      let shrink = exp2(m$(i) - highest);
      l$(i) = l$(i) * shrink + select(0.0, f32(now.zeros) * exp2(-highest), tx == 0u);
      m$(i) = highest;
#for c in 0..CHUNKS * OWN
      o.o$(i)_$(c) *= shrink;
#end
    }
#end
    // Keys go to the panels that take their weights later, values to panel 0.
#for g in 0..GROUPS
    var next$(g) = fetch(lane, columns, now.begin + $(32 * g)u, 0u, 0u);
#end
    for (var begin = now.begin; begin < now.end; begin += COLUMNS) {
      var scores = Scores();
#for chunk in 0..CHUNKS
      workgroupBarrier();
#if KEPT == 0
      stage_rows(lane, rows, 0u, $(chunk)u, 0u);
#end
#for g in 0..GROUPS
      put(lane, $(1 + g)u, next$(g));
#if chunk + 1 < CHUNKS
      next$(g) = fetch(lane, columns, begin + $(32 * g)u, 0u, $(chunk + 1)u);
#end
#end
#if chunk + 1 == CHUNKS
      next0 = fetch(lane, columns, begin, 1u, 0u);
#end
      workgroupBarrier();
      scores = multiply(lane, 0u, 1u, $(chunk)u, scores);
#end

      let plain = !HAS_MASK && sees_all(begin, whole, columns);
#if SOFTCAP
#for g in 0..GROUPS
#for i in 0..THREAD_ROWS
      scores.s$(g)_$(i) = capped(scores.s$(g)_$(i));
#end
#end
#end
#for g in 0..GROUPS
      let numbers$(g) = columns_of(lane, begin + $(32 * g)u);
      if (!plain) {
        var counts = vec4<bool>(true);
        if (HAS_MASK) {
#for c in 0..4
          if (numbers$(g)[$(c)] < columns.end) { counts[$(c)] = column_counts(numbers$(g)[$(c)]); }
#end
        }
#for i in 0..THREAD_ROWS
        scores.s$(g)_$(i) = select(
          vec4f(EMPTY),
          scores.s$(g)_$(i),
          counts & visible(numbers$(g), row_position(ty + $(TY * i)u)) & vec4<bool>(takes_part$(i)),
        );
#end
      }
#end
#for i in 0..THREAD_ROWS
      put_partial(lane, $(i)u, largest(max(scores.s0_$(i), scores.s$(GROUPS - 1)_$(i))));
#end
      workgroupBarrier();
#for i in 0..THREAD_ROWS
      {
        let at = 2u * (ty + $(TY * i)u);
        let highest = max(m$(i), largest(max(partial[at], partial[at + 1u])));
        let shrink = exp2(m$(i) - highest);
        m$(i) = highest;
        l$(i) *= shrink;
#for g in 0..GROUPS
        var p$(g) = exp2(scores.s$(g)_$(i) - highest);
        l$(i) += (p$(g).x + p$(g).y) + (p$(g).z + p$(g).w);
        if (DROPOUT) { p$(g) *= dropout_factors(tile.batch, tile.head, vec4u(row_position(ty + $(TY * i)u)), run.first + run.step * numbers$(g)); }
        put_weights(lane, $(1 + g)u, $(i)u, p$(g));
#end
#for c in 0..CHUNKS * OWN
        o.o$(i)_$(c) *= shrink;
#end
      }
#end

#for part in 0..CHUNKS * GROUPS
#let then = part + 1
#if part > 0
      workgroupBarrier();
#end
      put(lane, 0u, next0);
#if then < CHUNKS * GROUPS
      next0 = fetch(lane, columns, begin + $(32 * (then % GROUPS))u, 1u, $(then / GROUPS)u);
#else
#for g in 0..GROUPS
      next$(g) = fetch(lane, columns, begin + COLUMNS + $(32 * g)u, 0u, 0u);
#end
#end
      workgroupBarrier();
      o = gather$(part / GROUPS)(lane, $(1 + part % GROUPS)u, 0u, o);
#end
    }
  }

  workgroupBarrier();
#for i in 0..THREAD_ROWS
  put_partial(lane, $(i)u, l$(i));
#end
  workgroupBarrier();
#for i in 0..THREAD_ROWS
  if (ty + $(TY * i)u < rows.end) {
    let row = ty + $(TY * i)u;
    let sum = dot(partial[2u * row] + partial[2u * row + 1u], vec4f(1.0));
#if SPLIT
    let at = (rows.origin + rows.pitch * row) * $(DV / 4)u;
#else
    let at = rows.origin + rows.pitch * row;
#end
    let factor = select(0.0, params.out_scale / sum, sum != 0.0);
#for c in 0..CHUNKS * OWN
#let begin = c / OWN * CHUNK
#let own = 8 * (c % OWN)
#let LIMIT = max(0, min(CHUNK, DV / 4 - begin))
    if (tx + $(own)u < $(LIMIT)u) { store_out(at + tx + $(begin + own)u, o.o$(i)_$(c) * factor); }
#end
    if (tx == 0u) { lse[lse_at(tile.head, row_place(row))] = select(EMPTY, (m$(i) + log2(sum)) * LN_2, sum != 0.0); }
  }
#end
  look(group * THREADS + lane, params.look_groups * THREADS);
}
