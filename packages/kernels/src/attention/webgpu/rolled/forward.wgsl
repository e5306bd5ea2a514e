// Forward: out = softmax over the multiset of keys that the launch visits, and its log-sum-exp. Rows are queries,
// columns keys.

const TRANSPOSED = false;

/** [row][tx]: a row's maximum (or sum) over the columns of thread tx. */
var<workgroup> partial: array<f32, ROWS * TX>;

/** Scores then come out in log2 units. */
fn load_row(which: u32, i: u32) -> vec4f { return load_q(i) * params.scale_log2; }

fn load_column(which: u32, i: u32) -> vec4f {
  if (which == 0u) { return load_k(i); }
  return load_v(i);
}

fn row_at(place: u32) -> u32 { return query_at(tile.head, place); }

fn column_at(place: u32) -> u32 { return key_at(run.head / query_group(), place); }

fn column_counts(place: u32) -> bool {
  if (!HAS_MASK) { return true; }
  return load_mask(mask_at(place)) != 0u;
}

fn columns_count(columns: vec4u, seen: vec4<bool>) -> vec4<bool> {
  if (!HAS_MASK) { return seen; }
  var kept = seen;
  for (var i = 0u; i < bound(4u); i++) {
    if (seen[i]) { kept[i] = column_counts(column_place(columns[i])); }
  }
  return kept;
}

fn largest(v: vec4f) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

fn attend(group: u32, lane: u32) {
  if (lane == 0u) { open_group(group); }
  if (workgroupUniformLoad(&tile.count) == 0u) { return; }
  let tx = lane % TX;
  let ty = lane / TX;

  for (var attempt = 0u; attempt <= COUNTED; attempt++) {
    if (lane == 0u) {
      open_runs(tile.head);
      atomicStore(&retry, 0u);
    }
    // Every variable is initialised by hand: without, Dawn does not zero those of a loop body again on each turn. Per
    // row: maximum m in log2 units, this thread's share l of the denominator, numerator o, and whether this thread saw
    // a key.
    var m = array<f32, THREAD_ROWS>();
    var l = array<f32, THREAD_ROWS>();
    var saw = array<bool, THREAD_ROWS>();
    for (var i = 0u; i < bound(THREAD_ROWS); i++) { m[i] = EMPTY; }
    var o = Outputs();
    if (params.accumulate != 0u && attempt < COUNTED) {
      // Continue from what earlier launches left: a state of maximum lse and denominator 1.
      for (var i = 0u; i < bound(THREAD_ROWS); i++) {
        let row = ty + TY * i;
        if (row >= tile.count) { continue; }
        let before = lse[lse_at(tile.head, row_place(row))];
        if (!holds(before)) { continue; }
        let at = row_at(row_place(row));
        m[i] = before * LOG2_E;
        l[i] = select(0.0, 1.0, tx == 0u);
        for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) {
          let d = chunk * CHUNK + tx;
          if (tx < CHUNK && d < V4) { o[i * CHUNKS + chunk] = load_out(at * V4 + d); }
        }
      }
    }
    if (CHUNKS == 1u) { stage_rows(lane, 0u, 0u); }

    loop {
      if (lane == 0u) { next_run(); }
      if (workgroupUniformLoad(&run.live) == 0u) { break; }
      let end = workgroupUniformLoad(&run.end);
      var takes_part = array<bool, THREAD_ROWS>();
      for (var i = 0u; i < bound(THREAD_ROWS); i++) {
        let row = ty + TY * i;
        takes_part[i] = row < tile.count && row_takes_part(row_position(row));
        if (takes_part[i] && run.zeros > 0u && attempt < COUNTED) {
          let highest = max(m[i], 0.0);
          let shrink = exp2(m[i] - highest);
          l[i] = l[i] * shrink + select(0.0, f32(run.zeros) * exp2(-highest), tx == 0u);
          m[i] = highest;
          for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) { o[i * CHUNKS + chunk] *= shrink; }
        }
      }
      for (var begin = workgroupUniformLoad(&run.begin); begin < end; begin += COLUMNS) {
        var scores = product(lane, begin, 0u, 0u, CHUNKS == 1u);
        let columns = columns_of(tx, begin);
#if GATHERED
        let keys = column_positions(columns);
#else
        let keys = vec4u(run.first) + run.step * columns;
#end
        var seen = array<vec4<bool>, THREAD_ROWS>();
        for (var i = 0u; i < bound(THREAD_ROWS); i++) {
          let row = ty + TY * i;
          if (takes_part[i]) { seen[i] = columns_count(columns, visible(columns, row_position(row))); }
          scores[i] = select(vec4f(EMPTY), bounded(scores[i]), seen[i]);
          partial[row * TX + tx] = largest(scores[i]);
        }
        workgroupBarrier();
        for (var i = 0u; i < bound(THREAD_ROWS); i++) {
          let row = ty + TY * i;
          var highest = m[i];
          for (var x = 0u; x < bound(TX); x++) { highest = max(highest, partial[row * TX + x]); }
          let shrink = exp2(m[i] - highest);
          m[i] = highest;
          saw[i] = saw[i] || any(seen[i]);
          var p = select(vec4f(), exp2_of(scores[i] - highest), seen[i]);
          l[i] = l[i] * shrink + dot(p, vec4f(1.0));
          if (DROPOUT && takes_part[i]) { p *= dropout_factors(tile.batch, tile.head, vec4u(row_position(row)), keys); }
          if (attempt == COUNTED) { p = select(vec4f(), vec4f(1.0), seen[i]); }
          put_weights(lane, row, p);
          for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) { o[i * CHUNKS + chunk] *= select(shrink, 1.0, attempt == COUNTED); }
        }
        gather_all(lane, begin, 1u, attempt, &o);
      }
    }

    workgroupBarrier();
    for (var i = 0u; i < bound(THREAD_ROWS); i++) { partial[(ty + TY * i) * TX + tx] = l[i]; }
    workgroupBarrier();
    var sums = array<f32, THREAD_ROWS>();
    for (var i = 0u; i < bound(THREAD_ROWS); i++) {
      for (var x = 0u; x < bound(TX); x++) { sums[i] += partial[(ty + TY * i) * TX + x]; }
    }
    workgroupBarrier();
    for (var i = 0u; i < bound(THREAD_ROWS); i++) { partial[(ty + TY * i) * TX + tx] = select(0.0, 1.0, saw[i]); }
    workgroupBarrier();
    if (attempt == 0u) {
      for (var i = 0u; i < bound(THREAD_ROWS); i++) {
        for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) {
          if (any(not_finite(o[i * CHUNKS + chunk]))) { atomicStore(&retry, 1u); }
        }
      }
      if (workgroupUniformLoad(&retry) != 0u) { continue; }
    }
    for (var i = 0u; i < bound(THREAD_ROWS); i++) {
      let row = ty + TY * i;
      if (row >= tile.count) { continue; }
      let sum = sums[i];
      var sees = 0.0;
      for (var x = 0u; x < bound(TX); x++) { sees += partial[row * TX + x]; }
      let at = row_at(row_place(row));
      let to = lse_at(tile.head, row_place(row));
      var factor = select(0.0, params.out_scale / sum, sum != 0.0);
      var log_sum = (m[i] + log2_of(sum)) * LN_2;
      if (sum == 0.0) {
        log_sum = EMPTY;
        if (sees > 0.0 || (params.accumulate != 0u && is_unscored(lse[to]))) {
          log_sum = unscored();
          factor = log_sum;
        }
      }
      for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) {
        let d = chunk * CHUNK + tx;
        if (tx >= CHUNK || d >= V4) { continue; }
        let mine = o[i * CHUNKS + chunk];
        if (attempt == COUNTED) { store_out(at * V4 + d, marked(load_out(at * V4 + d), mine)); }
        else { store_out(at * V4 + d, mine * factor); }
      }
      if (tx == 0u && attempt < COUNTED) { lse[to] = log_sum; }
    }
    if (attempt == 0u) { break; }
  }
}
