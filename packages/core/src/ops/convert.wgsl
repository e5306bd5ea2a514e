// y = x converted by TO, which is replaced by one of these. Too large saturates: by itself, WGSL stops at the last f32 below the limit.
fn to_f32_from_i32(x: vec4i) -> vec4f { return vec4f(x); }
fn to_f32_from_u32(x: vec4u) -> vec4f { return vec4f(x); }
fn to_i32_from_f32(x: vec4f) -> vec4i { return select(vec4i(x), vec4i(0x7fffffff), x >= vec4f(0x1p31f)); }
fn to_u32_from_f32(x: vec4f) -> vec4u { return select(vec4u(x), vec4u(0xffffffffu), x >= vec4f(0x1p32f)); }

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * 256u + lane;
  if (group < params.group_count && i < params.quads) {
    store_y(i, TO(load_x(i)));
  }
}
