// y = a + b
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * 256u + lane;
  if (group < params.group_count && i < params.quads) {
    store_y(i, load_a(i) + load_b(i));
  }
}
