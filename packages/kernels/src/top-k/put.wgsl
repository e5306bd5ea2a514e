// dx[o, at[o, r, i], i] = dy[o, r, i]: places of one line differ. One invocation a number.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let e = group * LANES + lane;
  if (group >= params.group_count || e >= params.count) { return; }
  let o = e / params.inner / params.k;
  store_dx((o * params.n + load_at(e)) * params.inner + e % params.inner, load_dy(e));
}
