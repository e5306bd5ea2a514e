// out[i] = sum over slices of partial[s, i], in the order of s: partial results of a split reduction, summed the same way every time.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  var sum = load_partial(i);
  for (var s = 1u; s < params.slices; s++) { sum += load_partial(s * params.quads + i); }
  if (ACCUMULATE) { sum += load_y(i); }
  store_y(i, sum);
}
