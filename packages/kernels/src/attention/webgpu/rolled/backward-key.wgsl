// dV = P^T dO, dK = scale * dS^T Q, summed over the query heads that share the key/value head. Rows are keys, columns
// queries.

const TRANSPOSED = true;

fn load_row(which: u32, i: u32) -> vec4f {
  if (which == 0u) { return load_k(i) * params.scale_log2; }
  return load_v(i);
}

fn load_column(which: u32, i: u32) -> vec4f {
  if (which == 0u) { return load_q(i); }
  return load_dout(i);
}

fn row_at(place: u32) -> u32 { return key_at(tile.head, place); }

fn column_at(place: u32) -> u32 { return query_at(run.head, place); }

fn column_counts(place: u32) -> bool { return true; }

fn attend(group: u32, lane: u32) {
  if (lane == 0u) { open_group(group); }
  if (workgroupUniformLoad(&tile.count) == 0u) { return; }
  let tx = lane % TX;
  let ty = lane / TX;

  for (var attempt = 0u; attempt <= COUNTED; attempt++) {
    if (lane == 0u) { atomicStore(&retry, 0u); }
    var dk = Outputs();
    var dv = Outputs();
    for (var member = 0u; member < query_group(); member++) {
      if (lane == 0u) { open_runs(tile.head * query_group() + member); }
      loop {
        if (lane == 0u) { next_run(); }
        if (workgroupUniformLoad(&run.live) == 0u) { break; }
        let end = workgroupUniformLoad(&run.end);
        var takes_part = array<bool, THREAD_ROWS>();
        for (var i = 0u; i < bound(THREAD_ROWS); i++) {
          let row = ty + TY * i;
          takes_part[i] = row < tile.count && row_takes_part(row_position(row));
          if (HAS_MASK && takes_part[i]) { takes_part[i] = key_counts(row_place(row)); }
        }
        for (var begin = workgroupUniformLoad(&run.begin); begin < end; begin += COLUMNS) {
          let scores = product(lane, begin, 0u, 0u, false);
          let dp = product(lane, begin, 1u, 1u, false);
          let columns = columns_of(tx, begin);
#if GATHERED
          let queries = column_positions(columns);
#else
          let queries = vec4u(run.first) + run.step * columns;
#end
          var lse = vec4f();
          var delta = vec4f();
          for (var c = 0u; c < bound(4u); c++) {
            if (columns[c] >= run.end) { continue; }
            let at = query_at(run.head, column_place(columns[c])) * params.stat_words;
            lse[c] = stats[at];
            delta[c] = stats[at + delta_word()];
          }
          var ds = Scores();
          for (var i = 0u; i < bound(THREAD_ROWS); i++) {
            let key = row_position(ty + TY * i);
            var kept = vec4f();
            if (takes_part[i]) {
              let seen = visible(columns, key);
              let score = bounded(scores[i]);
              let p = select(vec4f(), exp2_of(score - lse), seen);
              var factor = vec4f(params.out_scale);
              if (DROPOUT) { factor *= dropout_factors(tile.batch, run.head, queries, vec4u(key)); }
              kept = p * factor;
              ds[i] = select(vec4f(), p * (factor * dp[i] - delta) * slope_at(score), seen);
              if (attempt == COUNTED) {
                kept = select(vec4f(), vec4f(1.0), seen);
                ds[i] = kept;
              }
            }
            put_weights(lane, ty + TY * i, kept);
          }
          gather_all(lane, begin, 1u, attempt, &dv);
          workgroupBarrier();
          for (var i = 0u; i < bound(THREAD_ROWS); i++) { put_weights(lane, ty + TY * i, ds[i]); }
          gather_all(lane, begin, 0u, attempt, &dk);
        }
      }
    }

    if (attempt == 0u) {
      for (var i = 0u; i < bound(THREAD_ROWS * CHUNKS); i++) {
        if (any(not_finite(dk[i]) | not_finite(dv[i]))) { atomicStore(&retry, 1u); }
      }
      if (workgroupUniformLoad(&retry) != 0u) { continue; }
    }
    for (var i = 0u; i < bound(THREAD_ROWS); i++) {
      let row = ty + TY * i;
      if (row >= tile.count || tx >= CHUNK) { continue; }
      let at = row_at(row_place(row));
      for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) {
        let d = chunk * CHUNK + tx;
        var key = dk[i * CHUNKS + chunk];
        var value = dv[i * CHUNKS + chunk];
        if (attempt < COUNTED) { key *= params.scale; }
        if (d < Q4) {
          let to = at * Q4 + d;
          if (attempt == COUNTED) { key = marked(load_dk(to), key); }
          else if (params.accumulate != 0u) { key += load_dk(to); }
          store_dk(to, key);
        }
        if (d < V4) {
          let to = at * V4 + d;
          if (attempt == COUNTED) { value = marked(load_dv(to), value); }
          else if (params.accumulate != 0u) { value += load_dv(to); }
          store_dv(to, value);
        }
      }
    }
    if (attempt == 0u) { break; }
  }
}
