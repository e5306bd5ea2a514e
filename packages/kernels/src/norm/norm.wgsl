// y = (x - mean)·rstd·weight + bias, one workgroup a row; with a place for `mean` layer norm, without one RMS norm (mean 0).
// A row of QUADS groups of four an invocation lies in registers; a wider one (QUADS 0) is read again for each sum.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group_index(w);
  if (row >= params.group_count) { return; }
  let quads = (params.width + 3u) / 4u;
  let share = 1.0 / f32(params.width);
#for i in 0..QUADS
  let at$(i) = min(lane + $(i)u * LANES, quads - 1u);
  let within$(i) = lane + $(i)u * LANES < quads;
  let x$(i) = row_x(row, at$(i));
#end
  var mean = 0.0;
  if (HAS_MEAN) {
    var sum = vec4f();
#if QUADS
#for i in 0..QUADS
    sum += select(vec4f(), x$(i), within$(i));
#end
#else
    for (var q = lane; q < quads; q += LANES) { sum += row_x(row, q); }
#end
    mean = sum_lanes(lane, vec2f(dot(sum, vec4f(1.0)), 0.0)).x * share;
  }
  // The squares of the deviations, not of x: a mean far from 0 costs no accuracy.
  var squares = vec4f();
#if QUADS
#for i in 0..QUADS
  squares += square(x$(i) - mean, vec4<bool>(within$(i)) & inside(at$(i)));
#end
#else
  for (var q = lane; q < quads; q += LANES) { squares += square(row_x(row, q) - mean, inside(q)); }
#end
  let variance = sum_lanes(lane, vec2f(dot(squares, vec4f(1.0)), 0.0)).x * share;
  let rstd = inverseSqrt(variance + params.eps);
#if QUADS
#for i in 0..QUADS
  if (within$(i)) { finish(row, at$(i), (x$(i) - mean) * rstd); }
#end
#else
  for (var q = lane; q < quads; q += LANES) { finish(row, q, (row_x(row, q) - mean) * rstd); }
#end
  if (lane == 0u) {
    if (HAS_MEAN) { store_mean(row, mean); }
    store_rstd(row, rstd);
  }
}

fn square(x: vec4f, counts: vec4<bool>) -> vec4f { return select(vec4f(), x * x, counts); }

fn finish(row: u32, q: u32, xhat: vec4f) {
  var y = xhat;
  if (HAS_WEIGHT) { y *= row_weight(0u, q); }
  if (HAS_BIAS) { y += row_bias(0u, q); }
  set_y(row, q, y);
}
