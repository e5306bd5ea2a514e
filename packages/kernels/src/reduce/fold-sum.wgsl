// y[o, m] = scale·Σ_k x[o, k·span + m]·(factor - mean[row])·rstd[row], row = element / inner; the factor is optional. One invocation an output.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let t = group * LANES + lane;
  if (group >= params.group_count || t >= params.count) { return; }
  let base = (t / params.span) * params.length;
  var sum = 0.0;
  for (var m = t % params.span; m < params.length; m += params.span) {
    let element = base + m;
    var value = load_x(element);
    if (HAS_FACTOR) {
      var factor = load_factor(element);
      let row = element / params.inner;
      if (HAS_MEAN) { factor -= load_mean(row); }
      if (HAS_RSTD) { factor *= load_rstd(row); }
      value *= factor;
    }
    sum += value;
  }
  store_y(params.into + t, sum * params.scale);
}
