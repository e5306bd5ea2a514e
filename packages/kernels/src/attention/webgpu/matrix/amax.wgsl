// The largest of many values that are not negative, by one workgroup.

var<workgroup> highest: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group_index(workgroup) >= params.group_count) { return; }
  var most = 0.0;
  for (var i = lane; i < params.count; i += 256u) { most = max(most, peaks[i]); }
  highest[lane] = most;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { highest[lane] = max(highest[lane], highest[lane + half]); }
  }
  if (lane == 0u) { amax[0] = highest[0]; }
}
