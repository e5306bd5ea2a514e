// One workgroup. COUNT: result = 1 / (number of targets that are not ignored), 1 where the losses are only summed, or
// that number (mean: 1, 0, 2); without targets, the losses are numbers of them.
// Otherwise: result = scale * sum of the rows' losses. Lanes add short runs before they add to their sum, which keeps long sums exact.
const RUN = 64u;

var<workgroup> shares: array<f32, LANES>;

fn term(row: u32) -> f32 {
  if (COUNT && HAS_TARGETS) { return select(1.0, 0.0, i32(load_targets(row)) == params.ignored); }
  return load_loss(row);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group_index(w) >= params.group_count) { return; }
  var share = 0.0;
  for (var first = lane; first < params.rows; first += LANES * RUN) {
    var run = 0.0;
    for (var j = 0u; j < RUN; j++) {
      let row = first + j * LANES;
      if (row >= params.rows) { break; }
      run += term(row);
    }
    share += run;
  }
  shares[lane] = share;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { shares[lane] += shares[lane + half]; }
  }
  if (lane != 0u) { return; }
  if (COUNT) {
    let scale = select(1.0, 1.0 / max(shares[0], 1.0), params.mean != 0u);
    store_result(0u, select(scale, shares[0], params.mean == 2u));
  } else {
    store_result(0u, shares[0] * load_scale(0u));
  }
}
