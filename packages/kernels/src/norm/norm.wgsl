// y = (x - mean)·rstd·weight + bias, one workgroup a row; with a place for `mean` layer norm, without one RMS norm (mean 0).
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group_index(w);
  if (row >= params.group_count) { return; }
  let quads = (params.width + 3u) / 4u;
  let share = 1.0 / f32(params.width);
  var mean = 0.0;
  if (HAS_MEAN) {
    var sum = vec4f();
    for (var q = lane; q < quads; q += LANES) { sum += row_x(row, q); }
    mean = sum_lanes(lane, vec2f(dot(sum, vec4f(1.0)), 0.0)).x * share;
  }
  // The squares of the deviations, not of x: a mean far from 0 costs no accuracy.
  var squares = vec4f();
  for (var q = lane; q < quads; q += LANES) {
    let d = select(vec4f(), row_x(row, q) - mean, inside(q));
    squares += d * d;
  }
  let variance = sum_lanes(lane, vec2f(dot(squares, vec4f(1.0)), 0.0)).x * share;
  let rstd = inverseSqrt(variance + params.eps);
  for (var q = lane; q < quads; q += LANES) {
    var y = (row_x(row, q) - mean) * rstd;
    if (HAS_WEIGHT) { y *= row_weight(0u, q); }
    if (HAS_BIAS) { y += row_bias(0u, q); }
    set_y(row, q, y);
  }
  if (lane == 0u) {
    if (HAS_MEAN) { store_mean(row, mean); }
    store_rstd(row, rstd);
  }
}
