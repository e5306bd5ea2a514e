// y = x converted; TO is replaced by the vector type of y.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * 256u + lane;
  if (group < params.group_count && i < params.quads) {
    store_y(i, TO(load_x(i)));
  }
}
