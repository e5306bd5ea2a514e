// The largest absolute value, in two launches: a workgroup each of many takes a stride of the elements into `partial`, then one takes those.

var<workgroup> highest: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  var most = 0.0;
  for (var i = group * 256u + lane; i < params.count; i += params.groups * 256u) {
    let v = abs(load_x(i));
#if VEC4
    most = max(most, max(max(v.x, v.y), max(v.z, v.w)));
#else
    most = max(most, v);
#end
  }
  highest[lane] = most;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { highest[lane] = max(highest[lane], highest[lane + half]); }
  }
  if (lane == 0u) { partial[params.slot + group] = highest[0]; }
}
