// dx[o, j, i] = dy[o, i]·scale, or only where j == at[o, i] if `at` is given. One invocation does four elements.
fn spread(element: u32) -> f32 {
  let line = element / params.inner;
  let source = (line / params.n) * params.inner + element % params.inner;
  if (HAS_AT) {
    if (load_at(source) != line % params.n) { return 0.0; }
  }
  return load_dy(source) * params.scale;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || 4u * i >= params.total) { return; }
  // The last group may reach behind the end: its extra values must not read there.
  let e = params.first + min(vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u), vec4u(params.total - 1u));
  store_dx(i, vec4f(spread(e.x), spread(e.y), spread(e.z), spread(e.w)));
}
