// One workgroup: norm = sqrt(sum of the partial sums).
var<workgroup> shares: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group_index(w) >= params.group_count) { return; }
  var sum = 0.0;
  for (var i = lane; i < params.count; i += LANES) { sum += load_partial(i); }
  shares[lane] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { shares[lane] += shares[lane + half]; }
  }
  if (lane == 0u) { store_norm(0u, sqrt(shares[0])); }
}
