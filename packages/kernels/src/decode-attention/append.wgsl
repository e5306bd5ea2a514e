// keys, values [B, rows, D] get the rows of k, v [B, N, G, D] that lie in the current segment of their stream. One invocation does four channels of
// one new row: the j-th new row of a stream is found by arithmetic, so rows that nobody will see are not even looked at.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(g);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let quad = i % params.columns;
  let item = i / params.columns;
  let stream = (item / params.new_rows) % params.streams;
  let b = item / params.new_rows / params.streams;
  let at = stream * 6u;
  let w = plan[at];
  let r = plan[at + 1u];
  let s = plan[at + 2u];

  let first = u32(load_positions(params.first_row + b)) + params.token_begin;
  let last = first + params.tokens - 1u;
  let start = last - last % w; // of the current segment
  let begin = max(first, start) - start; // within it
  let row = item % params.new_rows + select(0u, (begin - s + r - 1u) / r, begin > s);
  let token = start + s + row * r;
  if (token > last || row >= plan[at + 5u]) { return; }

  let given = ((b * params.tokens + token - first) * params.kv_heads + plan[at + 3u]) * params.columns + quad;
  let into = (params.first_row + b) * params.rows + plan[at + 4u] + row;
  if (into < params.row_begin || into >= params.row_end) { return; } // bound by another launch
  let place = (into - params.row_begin) * params.columns + quad;
  var key = load_k(given);
  if (HAS_DECAY) {
    let distance = f32(i32(token % params.block) - i32(params.block / 2u));
    let factors = exp2(-distance * vec2f(load_decay(2u * quad), load_decay(2u * quad + 1u)));
    key *= factors.xxyy;
  }
  store_keys(place, key);
  store_values(place, load_v(given));
}
