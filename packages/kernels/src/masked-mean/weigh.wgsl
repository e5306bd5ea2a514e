// y[t, e] = shares[t] * x[t, e], and 0 where the share is 0, whatever x is. One invocation an element.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.elements) { return; }
  let share = load_shares(i / params.width);
  if (share == 0.0) { store_y(i, 0.0); } else { store_y(i, share * load_x(i)); }
}
