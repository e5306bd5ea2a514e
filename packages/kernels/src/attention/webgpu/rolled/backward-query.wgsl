// dQ = scale * dS K. Rows are queries, columns keys.

const TRANSPOSED = false;

fn load_row(which: u32, i: u32) -> vec4f {
  if (which == 0u) { return load_q(i) * params.scale_log2; }
  return load_dout(i);
}

fn load_column(which: u32, i: u32) -> vec4f {
  if (which == 0u) { return load_k(i); }
  return load_v(i);
}

fn row_at(place: u32) -> u32 { return query_at(tile.head, place); }

fn column_at(place: u32) -> u32 { return key_at(run.head / query_group(), place); }

fn column_counts(place: u32) -> bool { return key_counts(place); }

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
    var dq = Outputs();
    loop {
      if (lane == 0u) { next_run(); }
      if (workgroupUniformLoad(&run.live) == 0u) { break; }
      let end = workgroupUniformLoad(&run.end);
      var takes_part = array<bool, THREAD_ROWS>();
      var lse = array<f32, THREAD_ROWS>();
      var delta = array<f32, THREAD_ROWS>();
      for (var i = 0u; i < bound(THREAD_ROWS); i++) {
        let row = ty + TY * i;
        takes_part[i] = row < tile.count && row_takes_part(row_position(row));
        if (takes_part[i]) {
          let at = row_at(row_place(row)) * params.stat_words;
          lse[i] = stats[at];
          delta[i] = stats[at + delta_word()];
        }
      }
      for (var begin = workgroupUniformLoad(&run.begin); begin < end; begin += COLUMNS) {
        let scores = product(lane, begin, 0u, 0u, false);
        let dp = product(lane, begin, 1u, 1u, false);
        let columns = columns_of(tx, begin);
#if GATHERED
        let keys = column_positions(columns);
#else
        let keys = vec4u(run.first) + run.step * columns;
#end
        var counts = vec4<bool>(true);
        for (var c = 0u; c < bound(4u); c++) {
          if (HAS_MASK && columns[c] < run.end) { counts[c] = key_counts(column_place(columns[c])); }
        }
        for (var i = 0u; i < bound(THREAD_ROWS); i++) {
          let query = row_position(ty + TY * i);
          var ds = vec4f();
          if (takes_part[i]) {
            let seen = counts & visible(columns, query);
            let score = bounded(scores[i]);
            let p = select(vec4f(), exp2_of(score - vec4f(lse[i])), seen);
            var factor = vec4f(params.out_scale);
            if (DROPOUT) { factor *= dropout_factors(tile.batch, tile.head, vec4u(query), keys); }
            ds = select(vec4f(), p * (factor * dp[i] - delta[i]) * slope_at(score), seen);
            if (attempt == COUNTED) { ds = select(vec4f(), vec4f(1.0), seen); }
          }
          put_weights(lane, ty + TY * i, ds);
        }
        gather_all(lane, begin, 0u, attempt, &dq);
      }
    }

    if (attempt == 0u) {
      for (var i = 0u; i < bound(THREAD_ROWS * CHUNKS); i++) {
        if (any(not_finite(dq[i]))) { atomicStore(&retry, 1u); }
      }
      if (workgroupUniformLoad(&retry) != 0u) { continue; }
    }
    for (var i = 0u; i < bound(THREAD_ROWS); i++) {
      let row = ty + TY * i;
      if (row >= tile.count || tx >= CHUNK) { continue; }
      let at = row_at(row_place(row)) * Q4;
      for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) {
        let d = chunk * CHUNK + tx;
        if (d >= Q4) { continue; }
        var value = dq[i * CHUNKS + chunk];
        if (attempt < COUNTED) { value *= params.scale; }
        if (attempt == COUNTED) { value = marked(load_dq(at + d), value); }
        else if (params.accumulate != 0u) { value += load_dq(at + d); }
        store_dq(at + d, value);
      }
    }
    if (attempt == 0u) { break; }
  }
}
