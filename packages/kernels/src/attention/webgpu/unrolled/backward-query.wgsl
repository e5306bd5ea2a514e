// dQ = scale * dS K. Rows are queries, columns keys.

const TRANSPOSED = false;

fn load_row(kind: u32, i: u32) -> vec4f {
  if (kind == 0u) { return load_q(i) * params.scale_log2; }
  return load_dout(i);
}

fn load_column(kind: u32, i: u32) -> vec4f {
  if (kind == 0u) { return load_k(i); }
  return load_v(i);
}

fn column_counts(column: u32) -> bool { return !HAS_MASK || key_counts(column_place(column)); }

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
  var dq = Outputs();
  keep_rows(lane, rows);

  loop {
    if (lane == 0u) { next_run(); }
    let now = workgroupUniformLoad(&run);
    if (now.live == 0u) { break; }
    let columns = key_columns();
    let whole = now.whole != 0u;
#for i in 0..THREAD_ROWS
    let takes_part$(i) = ty + $(TY * i)u < rows.end && (whole || row_takes_part(row_position(ty + $(TY * i)u)));
    var lse$(i) = 0.0;
    var delta$(i) = 0.0;
    if (takes_part$(i)) {
      let at = query_at(tile.head, row_place(ty + $(TY * i)u)) * params.stat_words;
      lse$(i) = stats[at];
      delta$(i) = stats[at + delta_word()];
    }
#end
    var staged = fetch(lane, columns, now.begin, 1u, 0u);
    for (var begin = now.begin; begin < now.end; begin += COLUMNS) {
      let of_k = Stage(begin, 0u);
      let of_v = Stage(begin, 1u);
      let after = Stage(begin + COLUMNS, 1u);
      let dp = product(lane, rows, columns, of_v, of_k, &staged);
      var after_products = of_k;
      if (ONE_CHUNK) { after_products = after; }
      let scores = product(lane, rows, columns, of_k, after_products, &staged);
      let numbers = columns_of(lane, begin);
      var counts = vec4<bool>(true);
#for c in 0..4
      if (HAS_MASK && numbers[$(c)] < columns.end) { counts[$(c)] = column_counts(numbers[$(c)]); }
#end
      let all = !HAS_MASK && sees_all(begin, whole, columns);
#for i in 0..THREAD_ROWS
      {
        let query = row_position(ty + $(TY * i)u);
#if SOFTCAP
        let score = capped(scores.s0_$(i));
#else
        let score = scores.s0_$(i);
#end
        var p = exp2(score - lse$(i));
        if (!all) { p = select(vec4f(), p, counts & visible(numbers, query) & vec4<bool>(takes_part$(i))); }
        var factor = vec4f(params.out_scale);
        if (DROPOUT) { factor *= dropout_factors(tile.batch, tile.head, vec4u(query), run.first + run.step * numbers); }
#if SOFTCAP
        p *= cap_slope(score);
#end
        put_weights(lane, 1u, $(i)u, p * (factor * dp.s0_$(i) - delta$(i)));
      }
#end
      dq = gather(lane, columns, of_k, after, true, &staged, dq);
    }
  }

#for i in 0..THREAD_ROWS
  if (ty + $(TY * i)u < rows.end) {
#if SPLIT
    let at = (rows.origin + rows.pitch * (ty + $(TY * i)u)) * $(D / 4)u;
#else
    let at = rows.origin + rows.pitch * (ty + $(TY * i)u);
#end
#for c in 0..CHUNKS * OWN
#let begin = c / OWN * CHUNK
#let own = 8 * (c % OWN)
#let LIMIT = max(0, min(CHUNK, D / 4 - begin))
    if (tx + $(own)u < $(LIMIT)u) {
      let d = at + tx + $(begin + own)u;
      var value = dq.o$(i)_$(c) * params.scale;
      if (params.accumulate != 0u) { value += load_dq(d); }
      store_dq(d, value);
    }
#end
  }
#end
}
