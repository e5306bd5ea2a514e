// Forward: out = softmax over the multiset union of the keys of all branches of the launch, and its log-sum-exp. Rows are queries, columns keys.

const TRANSPOSED = false;

/** [row][tx]: a row's maximum (or sum) over the columns of thread tx. */
var<workgroup> partial: array<vec4f, $(2 * ROWS)>;

/** Scores then come out in log2 units. */
fn load_row(kind: u32, i: u32) -> vec4f { return load_q(i) * params.scale_log2; }

fn load_column(kind: u32, i: u32) -> vec4f {
  if (kind == 0u) { return load_k(i); }
  return load_v(i);
}

fn column_counts(column: u32) -> bool {
  if (!HAS_MASK) { return true; }
  return load_mask(tile.batch * params.tokens + column_token(column)) != 0u;
}

/** Position of a row in lse [B, H, N]. */
fn lse_at(token: u32) -> u32 {
  return (tile.batch * params.heads_q + tile.head) * params.tokens + token;
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
    open_tile(group);
    open_runs(tile.head);
  }
  if (workgroupUniformLoad(&tile.count) == 0u) { return; }
  let tx = lane % 8u;
  let ty = lane / 8u;
  let rows = tile_rows(tile.head, params.heads_q);

  // Every variable is initialised by hand: without, Dawn does not zero those of a loop body again on each turn.
  // Per row: maximum m in log2 units, this thread's share l of the denominator, numerator o.
#for i in 0..RT
  var m$(i) = EMPTY_BOUND;
  var l$(i) = 0.0;
#end
  var o = Outputs();
  if (params.carry != 0u) {
    // Continue from what earlier launches left: a state of maximum lse and denominator 1.
#for i in 0..RT
    if (ty + $(TY * i)u < rows.end) {
      let before = lse[lse_at(row_token(ty + $(TY * i)u))];
      if (before > EMPTY_BOUND) {
        m$(i) = before * LOG2_E;
        l$(i) = select(0.0, 1.0, tx == 0u);
        let at = rows.origin + rows.pitch * (ty + $(TY * i)u);
#for c in 0..CHUNKS * OWN
#let begin = c / OWN * CHUNK
#let own = 8 * (c % OWN)
        if (tx + $(own)u < $(min(CHUNK, D4 - begin))u) { o.o$(i)_$(c) = load_out(at + tx + $(begin + own)u); }
#end
      }
    }
#end
  }
#if KEPT
  stage_rows(lane, rows, 0u, 0u, 0u);
#end

  loop {
    if (lane == 0u) { next_run(); }
    let now = workgroupUniformLoad(&run);
    if (now.live == 0u) { break; }
    let columns = run_columns(tile.head / (params.heads_q / params.heads_kv), params.heads_kv);
    let whole = now.whole != 0u;
#for i in 0..RT
    let part$(i) = ty + $(TY * i)u < rows.end && (whole || row_takes_part(row_token(ty + $(TY * i)u)));
    if (part$(i) && now.zeros > 0u) {
      let highest = max(m$(i), 0.0);
      let shrink = exp2(m$(i) - highest);
      l$(i) = l$(i) * shrink + select(0.0, f32(now.zeros) * exp2(-highest), tx == 0u);
      m$(i) = highest;
#for c in 0..CHUNKS * OWN
      o.o$(i)_$(c) *= shrink;
#end
    }
#end
#if AHEAD
    var staged = fetch(lane, columns, Stage(now.begin, 0u), 0u);
#else
    var staged = Staged();
#end
    for (var begin = now.begin; begin < now.end; begin += COLUMNS) {
      open_step(lane, columns, begin, &staged);
      var scores = product(lane, rows, columns, Stage(begin, 0u), Stage(begin, 1u), &staged);
      let numbers = columns_of(lane, begin);
      if (HAS_MASK || !sees_all(begin, whole, columns)) {
        var counts = vec4<bool>(true);
        if (HAS_MASK) {
#for c in 0..4
          if (numbers[$(c)] < columns.end) { counts[$(c)] = column_counts(numbers[$(c)]); }
#end
        }
#for i in 0..RT
        scores.s$(i) = select(vec4f(EMPTY), scores.s$(i), counts & visible(numbers, row_token(ty + $(TY * i)u)) & vec4<bool>(part$(i)));
#end
      }
#for i in 0..RT
      put_partial(lane, $(i)u, largest(scores.s$(i)));
#end
      workgroupBarrier();
#for i in 0..RT
      {
        let at = 2u * (ty + $(TY * i)u);
        let highest = max(m$(i), max(largest(partial[at]), largest(partial[at + 1u])));
        let shrink = exp2(m$(i) - highest);
        m$(i) = highest;
        var p = exp2(scores.s$(i) - highest);
        l$(i) = l$(i) * shrink + ((p.x + p.y) + (p.z + p.w));
        if (DROPOUT) { p *= dropout_factors(tile.batch, tile.head, vec4u(row_token(ty + $(TY * i)u)), run.first + run.step * numbers); }
        put_weights(lane, 0u, $(i)u, p);
#for c in 0..CHUNKS * OWN
        o.o$(i)_$(c) *= shrink;
#end
      }
#end
      o = gather(lane, columns, Stage(begin, 1u), Stage(begin + COLUMNS, 0u), &staged, o);
    }
  }

  workgroupBarrier();
#for i in 0..RT
  put_partial(lane, $(i)u, l$(i));
#end
  workgroupBarrier();
#for i in 0..RT
  if (ty + $(TY * i)u < rows.end) {
    let row = ty + $(TY * i)u;
    let sum = dot(partial[2u * row] + partial[2u * row + 1u], vec4f(1.0));
    let at = rows.origin + rows.pitch * row;
    let factor = select(0.0, params.out_scale / sum, sum > 0.0);
#for c in 0..CHUNKS * OWN
#let begin = c / OWN * CHUNK
#let own = 8 * (c % OWN)
    if (tx + $(own)u < $(min(CHUNK, D4 - begin))u) { store_out(at + tx + $(begin + own)u, o.o$(i)_$(c) * factor); }
#end
    if (tx == 0u) { lse[lse_at(row_token(row))] = select(EMPTY, (m$(i) + log2(sum)) * LN_2, sum > 0.0); }
  }
#end
}
