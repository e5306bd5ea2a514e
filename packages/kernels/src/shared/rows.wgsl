// For kernels with one workgroup a row: reductions over the workgroup, in a fixed order, the result the same for every invocation. Two levels, hence two
// barriers; none behind the result is needed, since the next reduction writes `lane_parts` only when everybody has come to its first.
#let SUMS = 8 * (1 + (LANES >= 256))
var<workgroup> lane_values: array<vec2f, LANES>;
var<workgroup> lane_parts: array<vec2f, $(SUMS)>;

fn sum_lanes(lane: u32, value: vec2f) -> vec2f {
  lane_values[lane] = value;
  workgroupBarrier();
  if (lane < $(SUMS)u) {
    var part = value;
#for i in 1..LANES / SUMS
    part += lane_values[lane + $(i * SUMS)u];
#end
    lane_parts[lane] = part;
  }
  workgroupBarrier();
  var total = lane_parts[0];
#for i in 1..SUMS
  total += lane_parts[$(i)];
#end
  return total;
}

fn max_lanes(lane: u32, value: f32) -> f32 {
  lane_values[lane].x = value;
  workgroupBarrier();
  if (lane < $(SUMS)u) {
    var part = value;
#for i in 1..LANES / SUMS
    part = max(part, lane_values[lane + $(i * SUMS)u].x);
#end
    lane_parts[lane].x = part;
  }
  workgroupBarrier();
  var most = lane_parts[0].x;
#for i in 1..SUMS
  most = max(most, lane_parts[$(i)].x);
#end
  return most;
}
