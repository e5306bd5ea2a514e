// y in [0, 1): the upper 24 bits of each word, which f32 holds exactly.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * 256u + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let low = params.first + i;
  let high = params.firstHigh + select(0u, 1u, low < i); // carry
  let bits = philox4x32(vec4u(low, high, params.stream, params.domain), vec2u(params.seedLow, params.seedHigh));
  store_y(i, vec4f(bits >> vec4u(8u)) * 0x1p-24f);
}
