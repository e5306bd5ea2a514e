// y = f(x), or f'(x)·dy where dy is given. One invocation does four elements.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let x = load_x(i);
  if (HAS_DY) {
    store_y(i, slope4(params.op, x, params.a) * load_dy(i));
  } else {
    store_y(i, curve4(params.op, x, params.a));
  }
}
