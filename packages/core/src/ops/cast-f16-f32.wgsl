// Eight halves to eight f32, exactly. In integers: unpack2x16float may flush subnormals.
fn from_half(h: u32) -> u32 {
  let sign = (h & 0x8000u) << 16u;
  let a = h & 0x7fffu;
  if (a >= 0x7c00u) { return sign | 0x7f800000u | ((a & 0x3ffu) << 13u); }
  if (a >= 0x400u) { return sign | ((a << 13u) + 0x38000000u); }
  if (a == 0u) { return sign; }
  // Subnormal a·2^-24: the leading one becomes the hidden bit.
  let top = firstLeadingBit(a);
  return sign | ((top + 103u) << 23u) | ((a << (23u - top)) & 0x7fffffu);
}

fn from_halves(p: vec2u) -> vec4u {
  return vec4u(from_half(p.x & 0xffffu), from_half(p.x >> 16u), from_half(p.y & 0xffffu), from_half(p.y >> 16u));
}

// x: the f16 tensor as words; y: the f32 tensor as words
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * 256u + lane;
  if (group >= params.group_count || 2u * i >= params.quads) { return; }
  let p = load_x(i);
  store_y(2u * i, from_halves(p.xy));
  if (2u * i + 1u < params.quads) { store_y(2u * i + 1u, from_halves(p.zw)); }
}
