// Eight f32 to eight halves, to nearest even. In integers: WGSL leaves the rounding of pack2x16float to the implementation.
fn to_half(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let a = bits & 0x7fffffffu;
  if (a > 0x7f800000u) { return sign | 0x7e00u; }
  if (a >= 0x477ff000u) { return sign | 0x7c00u; }
  if (a >= 0x38800000u) { return sign | ((a - 0x38000000u + 0xfffu + ((a >> 13u) & 1u)) >> 13u); }
  if (a < 0x33000000u) { return sign; }
  // Subnormal: units of 2^-24.
  let shift = 126u - (a >> 23u);
  let mantissa = (a & 0x7fffffu) | 0x800000u;
  let low = mantissa >> shift;
  let rest = mantissa & ((1u << shift) - 1u);
  let middle = 1u << (shift - 1u);
  return sign | (low + select(0u, 1u, rest > middle || (rest == middle && (low & 1u) == 1u)));
}

fn to_halves(v: vec4f) -> vec2u {
  return vec2u(to_half(v.x) | (to_half(v.y) << 16u), to_half(v.z) | (to_half(v.w) << 16u));
}

// y: the f16 tensor as words
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * 256u + lane;
  if (group >= params.group_count || 2u * i >= params.quads) { return; }
  var high = vec4f();
  if (2u * i + 1u < params.quads) { high = load_x(2u * i + 1u); }
  store_y(i, vec4u(to_halves(load_x(2u * i)), to_halves(high)));
}
