// For kernels with one workgroup a row: reductions over the workgroup, in a fixed order, the result the same for every invocation.
var<workgroup> lane_values: array<vec2f, LANES>;

fn sum_lanes(lane: u32, value: vec2f) -> vec2f {
  lane_values[lane] = value;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { lane_values[lane] += lane_values[lane + half]; }
  }
  workgroupBarrier();
  let total = lane_values[0];
  workgroupBarrier();
  return total;
}

fn max_lanes(lane: u32, value: f32) -> f32 {
  lane_values[lane] = vec2f(value);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { lane_values[lane] = max(lane_values[lane], lane_values[lane + half]); }
  }
  workgroupBarrier();
  let most = lane_values[0].x;
  workgroupBarrier();
  return most;
}
