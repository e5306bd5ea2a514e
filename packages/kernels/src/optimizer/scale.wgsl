// y = x * scale[0], four elements an invocation; a scale of 0 gives 0 whatever x is.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let scale = load_scale(0u);
  store_y(i, select(vec4f(), load_x(i) * scale, scale != 0.0));
}
