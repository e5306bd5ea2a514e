// y[o, m] = max_k x[o, k·span + m] and where it was; ties go to the lower position, and a NaN comes before all. One invocation an output.

/** By its bits: compilers may take it that there is no NaN. */
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let t = group * LANES + lane;
  if (group >= params.group_count || t >= params.count) { return; }
  let base = (t / params.span) * params.length;
  let start = t % params.span;
  var best = 0.0;
  var best_at = 0u;
  for (var m = start; m < params.length; m += params.span) {
    let value = load_x(base + m);
    var position = params.first + m / params.inner;
    if (HAS_FROM) { position = load_from(base + m); }
    let more = select(value > best, !is_nan(best), is_nan(value)) && !is_nan(best);
    let same = value == best || (is_nan(value) && is_nan(best));
    if (m == start || more || (same && position < best_at)) {
      best = value;
      best_at = position;
    }
  }
  store_y(params.into + t, best);
  store_at(params.into + t, best_at);
}
