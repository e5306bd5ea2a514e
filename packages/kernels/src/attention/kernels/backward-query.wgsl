// dQ = scale * dS K. Rows are queries, columns keys.

const TRANSPOSED = false;

fn load_row(which: u32, i: u32) -> vec4f {
  if (which == 0u) { return load_q(i); }
  return load_dout(i);
}

fn load_column(which: u32, i: u32) -> vec4f {
  if (which == 0u) { return load_k(i); }
  return load_v(i);
}

fn row_at(tile: Tile, token: u32) -> u32 { return query_at(tile, tile.head, token); }

fn column_at(tile: Tile, head: u32, token: u32) -> u32 { return key_at(tile, head / query_group(), token); }

fn column_counts(tile: Tile, token: u32) -> bool { return key_counts(tile, token); }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  let tile = tile_of(group);
  if (tile.count == 0u) { return; }
  let tx = lane % TX;
  let ty = lane / TX;
  var dq = Outputs();

  for (var run = first_run(tile, tile.head); run.live; run = next_run(tile, tile.head, run)) {
    var part = vec4<bool>();
    var lse = vec4f();
    var delta = vec4f();
    for (var i = 0u; i < 4u; i++) {
      let token = row_token(tile, ty + TY * i);
      part[i] = ty + TY * i < tile.count && row_takes_part(run, token);
      if (part[i]) {
        let at = row_at(tile, token) * params.stat_words;
        lse[i] = stats[at];
        delta[i] = stats[at + delta_word(run)];
      }
    }
    for (var begin = run.begin; begin < run.end; begin += COLUMNS) {
      let scores = product(lane, tile, run, tile.head, begin, 0u, 0u, false);
      let dp = product(lane, tile, run, tile.head, begin, 1u, 1u, false);
      let keys = vec4u(run.first) + run.step * (vec4u(begin + tx) + TX * vec4u(0u, 1u, 2u, 3u));
      var counts = vec4<bool>(true);
      for (var c = 0u; c < 4u; c++) {
        if (HAS_MASK && begin + tx + TX * c < run.end) { counts[c] = key_counts(tile, keys[c]); }
      }
      for (var i = 0u; i < 4u; i++) {
        let token = row_token(tile, ty + TY * i);
        var ds = vec4f();
        if (part[i]) {
          let seen = counts & visible(tx, run, begin, token);
          let p = select(vec4f(), exp2(scores[i] * params.scale_log2 - lse[i]), seen);
          var factor = vec4f(params.out_scale);
          if (DROPOUT) { factor *= dropout_factors(tile.batch, tile.head, vec4u(token), keys); }
          ds = p * (factor * dp[i] - delta[i]);
        }
        put_weights(lane, ty + TY * i, ds);
      }
      gather_all(lane, tile, run, tile.head, begin, 0u, &dq);
    }
  }

  for (var i = 0u; i < 4u; i++) {
    let row = ty + TY * i;
    if (row >= tile.count || tx >= CHUNK) { continue; }
    let at = row_at(tile, row_token(tile, row)) * D4;
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      let d = chunk * CHUNK + tx;
      if (d >= D4) { continue; }
      var value = dq[i * CHUNKS + chunk] * params.scale;
      if (params.carry != 0u) { value += load_dq(at + d); }
      store_dq(at + d, value);
    }
  }
}
