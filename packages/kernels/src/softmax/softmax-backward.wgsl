// dx = y·(dy - Σ y·dy), one workgroup a row.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group_index(w);
  if (row >= params.group_count) { return; }
  let quads = (params.width + 3u) / 4u;
  var sum = 0.0;
  for (var q = lane; q < quads; q += LANES) { sum += dot(row_y(row, q), row_dy(row, q)); }
  let total = sum_lanes(lane, vec2f(sum, 0.0)).x;
  for (var q = lane; q < quads; q += LANES) {
    set_dx(row, q, row_y(row, q) * (row_dy(row, q) - total));
  }
}
