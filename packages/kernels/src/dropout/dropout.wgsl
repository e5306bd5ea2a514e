// y[e] = keep[e] ? x[e]·scale : 0; one Philox block decides about four elements. Its counter is the global group, so that windows do not matter.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let low = params.first_lo + i;
  let high = params.first_hi + select(0u, 1u, low < i); // carry
  let words = philox4x32(vec4u(low, high, params.stream, 0x0d120u), vec2u(params.seed_lo, params.seed_hi));
  store_y(i, select(vec4f(), load_x(i) * params.scale, words >= vec4u(params.threshold)));
}
