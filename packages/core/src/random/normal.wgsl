// Standard normal samples from a table of quantiles, in integers up to the last step: see normal-table.ts.
// One word: sign, then the tail probability p = (2·bits + 1)·2^-33 in (0, 1/2), whose leading zeros choose the octave of the table.
fn normal_units(bits: u32) -> i32 {
  let p = (bits << 1u) | 1u;
  let octave = countLeadingZeros(p);
  let y = p << octave;
  let at = octave * 65u + ((y >> 25u) & 63u);
  let t = i32((y >> 9u) & 0xffffu);
  let low = load_table(at);
  let z = low + (((load_table(at + 1u) - low) * t + 0x8000) >> 16u);
  return select(z, -z, (bits >> 31u) == 1u);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * 256u + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let low = params.first + i;
  let high = params.firstHigh + select(0u, 1u, low < i); // carry
  let bits = philox4x32(vec4u(low, high, params.stream, params.domain), vec2u(params.seedLow, params.seedHigh));
  let units = vec4i(normal_units(bits.x), normal_units(bits.y), normal_units(bits.z), normal_units(bits.w));
  var z = vec4f(units) * 0x1p-21f;
  if (params.scale != 1.0) { z *= params.scale; }
  if (params.mean != 0.0) { z += params.mean; }
  store_y(i, z);
}
