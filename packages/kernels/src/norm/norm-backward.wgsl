// dx = rstd·(g - mean(g) - xhat·mean(g·xhat)), g = dy·weight, one workgroup a row; mean(g) only where a mean was taken.
fn gradient(row: u32, q: u32) -> vec4f {
  let dy = row_dy(row, q);
  if (HAS_WEIGHT) { return dy * row_weight(0u, q); }
  return dy;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group_index(w);
  if (row >= params.group_count) { return; }
  let quads = (params.width + 3u) / 4u;
  let rstd = load_rstd(row);
  var mean = 0.0;
  if (HAS_MEAN) { mean = load_mean(row); }
  var sum = vec4f();
  var along = vec4f();
  for (var q = lane; q < quads; q += LANES) {
    let g = gradient(row, q); // 0 behind the end of the row
    sum += g;
    along += g * (row_x(row, q) - mean) * rstd;
  }
  let totals = sum_lanes(lane, vec2f(dot(sum, vec4f(1.0)), dot(along, vec4f(1.0)))) / f32(params.width);
  let shift = select(0.0, totals.x, HAS_MEAN);
  for (var q = lane; q < quads; q += LANES) {
    let xhat = (row_x(row, q) - mean) * rstd;
    set_dx(row, q, rstd * (gradient(row, q) - shift - xhat * totals.y));
  }
}
