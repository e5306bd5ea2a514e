// y[t] = table[ids[t]], one Value an invocation: four channels, or one where the width is no multiple of four. The
// table may be a window of rows; ids outside the whole vocabulary give missing(): NaN, or all bits of an integer.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let id = u32(load_ids(i / params.columns));
  if (id >= params.vocab) {
    store_y(i, missing());
  } else if (id - params.first_row < params.rows) { // wraps to a large number below the window
    store_y(i, load_table((id - params.first_row) * params.columns + i % params.columns));
  }
}
