// partial[first + group] = sum of squares of this workgroup's share of x. Shares and the order inside them depend on sizes only.
var<workgroup> shares: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  var sum = vec4f();
  for (var j = 0u; j < RUN; j++) {
    let i = (group * RUN + j) * LANES + lane;
    if (i * 4u >= params.elements) { break; }
    var v = load_x(i);
    let left = params.elements - i * 4u;
    if (left < 4u) { v = select(vec4f(), v, vec4u(0u, 1u, 2u, 3u) < vec4u(left)); } // what lies behind the end is anything
    sum += v * v;
  }
  shares[lane] = (sum.x + sum.y) + (sum.z + sum.w);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { shares[lane] += shares[lane + half]; }
  }
  if (lane == 0u) { store_partial(params.first + group, shares[0]); }
}
