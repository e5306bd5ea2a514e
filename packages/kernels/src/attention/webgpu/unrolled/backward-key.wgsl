// dV = P^T dO, dK = scale * dS^T Q, summed over the query heads that share the key/value head. Rows are keys, columns
// queries.

const TRANSPOSED = true;

fn load_row(kind: u32, i: u32) -> vec4f {
  if (kind == 0u) { return load_k(i) * params.scale_log2; }
  return load_v(i);
}

fn load_column(kind: u32, i: u32) -> vec4f {
  if (kind == 0u) { return load_q(i); }
  return load_dout(i);
}

fn column_counts(column: u32) -> bool { return true; }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  if (lane == 0u) { open_group(group); }
  if (workgroupUniformLoad(&tile.count) == 0u) { return; }
  let tx = lane % 8u;
  let ty = lane / 8u;
  let rows = key_rows();
  var dk = Outputs();
  var dv = Outputs();
  keep_rows(lane, rows);

  for (var member = 0u; member < query_group(); member++) {
    if (lane == 0u) { open_runs(tile.head * query_group() + member); }
    loop {
      if (lane == 0u) { next_run(); }
      let now = workgroupUniformLoad(&run);
      if (now.live == 0u) { break; }
      let columns = query_columns();
      let whole = now.whole != 0u;
#for i in 0..THREAD_ROWS
      var takes_part$(i) = ty + $(TY * i)u < rows.end && (whole || row_takes_part(row_position(ty + $(TY * i)u)));
      if (HAS_MASK && takes_part$(i)) { takes_part$(i) = key_counts(row_place(ty + $(TY * i)u)); }
#end
      var staged = fetch(lane, columns, now.begin, 0u, 0u);
      for (var begin = now.begin; begin < now.end; begin += COLUMNS) {
        let of_q = Stage(begin, 0u);
        let of_dout = Stage(begin, 1u);
        let after_products = Stage(begin, select(1u, 0u, ONE_CHUNK));
        let scores = product(lane, rows, columns, of_q, of_dout, &staged);
        let dp = product(lane, rows, columns, of_dout, after_products, &staged);
        let numbers = columns_of(lane, begin);
        let queries = run.first + run.step * numbers;
        var lse = vec4f();
        var delta = vec4f();
#for c in 0..4
        if (numbers[$(c)] < columns.end) {
          let at = query_at(run.head, column_place(numbers[$(c)])) * params.stat_words;
          lse[$(c)] = stats[at];
          delta[$(c)] = stats[at + delta_word()];
        }
#end
        let all = !HAS_MASK && sees_all(begin, whole, columns);
#for i in 0..THREAD_ROWS
#if SOFTCAP
        let score$(i) = capped(scores.s0_$(i));
#else
        let score$(i) = scores.s0_$(i);
#end
        var p$(i) = exp2(score$(i) - lse);
        if (!all) {
          p$(i) = select(vec4f(), p$(i), visible(numbers, row_position(ty + $(TY * i)u)) & vec4<bool>(takes_part$(i)));
        }
        var factor$(i) = vec4f(params.out_scale);
        if (DROPOUT) { factor$(i) *= dropout_factors(tile.batch, run.head, queries, vec4u(row_position(ty + $(TY * i)u))); }
#if SOFTCAP
        let ds$(i) = p$(i) * (factor$(i) * dp.s0_$(i) - delta) * cap_slope(score$(i));
#else
        let ds$(i) = p$(i) * (factor$(i) * dp.s0_$(i) - delta);
#end
        put_weights(lane, 1u, $(i)u, p$(i) * factor$(i));
#end
        dv = gather(lane, columns, of_dout, of_q, true, &staged, dv);
        workgroupBarrier();
#for i in 0..THREAD_ROWS
        put_weights(lane, 1u, $(i)u, ds$(i));
#end
        dk = gather(lane, columns, of_q, Stage(begin + COLUMNS, 0u), false, &staged, dk);
      }
    }
  }

#for i in 0..THREAD_ROWS
  if (ty + $(TY * i)u < rows.end) {
    let at = rows.origin + rows.pitch * (ty + $(TY * i)u);
#for c in 0..CHUNKS * OWN
#let begin = c / OWN * CHUNK
#let own = 8 * (c % OWN)
#if SPLIT
#let LIMIT = max(0, min(CHUNK, D / 4 - begin))
    if (tx + $(own)u < $(LIMIT)u) {
      let d = at * $(D / 4)u + tx + $(begin + own)u;
      var key = dk.o$(i)_$(c) * params.scale;
      if (params.accumulate != 0u) { key += load_dk(d); }
      store_dk(d, key);
    }
#let LIMIT = max(0, min(CHUNK, DV / 4 - begin))
    if (tx + $(own)u < $(LIMIT)u) {
      let d = at * $(DV / 4)u + tx + $(begin + own)u;
      var value = dv.o$(i)_$(c);
      if (params.accumulate != 0u) { value += load_dv(d); }
      store_dv(d, value);
    }
#else
    if (tx + $(own)u < $(min(CHUNK, D4 - begin))u) {
      let d = at + tx + $(begin + own)u;
      var key = dk.o$(i)_$(c) * params.scale;
      var value = dv.o$(i)_$(c);
      if (params.accumulate != 0u) {
        key += load_dk(d);
        value += load_dv(d);
      }
      store_dk(d, key);
      store_dv(d, value);
    }
#end
#end
  }
#end
}
