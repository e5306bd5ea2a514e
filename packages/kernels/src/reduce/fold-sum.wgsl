// y[o, m] = scale·Σ_k x[o, k·span + m]·(factor - mean[row])·rstd[row], row = element / inner; the factor is optional. One invocation an output.
fn term(element: u32) -> f32 {
  let value = load_x(element);
  if (!HAS_FACTOR) { return value; }
  var factor = load_factor(element);
  let row = element / params.inner;
  if (HAS_MEAN) { factor -= load_mean(row); }
  if (HAS_RSTD) { factor *= load_rstd(row); }
  return value * factor;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let t = group * LANES + lane;
  if (group >= params.group_count || t >= params.count) { return; }
  let span = params.span;
  let end = (t / span + 1u) * params.length;
  var at = (t / span) * params.length + t % span;
  // Four sums side by side: four loads are under way at once, and each sum is a quarter as long.
  var sums = vec4f();
  let steps = (end - at + span - 1u) / span;
  for (var k = 0u; k < steps / 4u; k++) {
    sums += vec4f(term(at), term(at + span), term(at + 2u * span), term(at + 3u * span));
    at += 4u * span;
  }
  var sum = (sums.x + sums.y) + (sums.z + sums.w);
  for (var k = steps / 4u * 4u; k < steps; k++) {
    sum += term(at);
    at += span;
  }
  store_y(params.into + t, sum * params.scale);
}
