// dx = rstd·(g - mean(g) - xhat·mean(g·xhat)), g = dy·weight, and, while dy and x are at hand, what they add to the gradients of weight and bias:
// one workgroup does `each` rows, one after another, and stores Σ dy·xhat and Σ dy over them. QUADS groups of four a row lie in registers, and the next row is
// on its way while one is summed.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  let quads = params.width / 4u;
#for i in 0..QUADS
  // Behind the end of a row the last group is read again, as a gradient of 0.
  let inside$(i) = lane + $(i)u * LANES < quads;
  let at$(i) = min(lane + $(i)u * LANES, quads - 1u);
  var weight$(i) = vec4f(1.0);
  if (HAS_WEIGHT) { weight$(i) = load_weight(at$(i)); }
  var dweight$(i) = vec4f();
  var dbias$(i) = vec4f();
#end
  let end = min((group + 1u) * params.each, params.rows);
#for i in 0..QUADS
  var next_dy$(i) = load_dy(group * params.each * quads + at$(i));
  var next_x$(i) = load_x(group * params.each * quads + at$(i));
#end
  for (var row = group * params.each; row < end; row++) {
    let start = row * quads;
#for i in 0..QUADS
    var dy$(i) = next_dy$(i);
    var xhat$(i) = next_x$(i);
#end
    let rstd = load_rstd(row);
    var mean = 0.0;
    if (HAS_MEAN) { mean = load_mean(row); }
    var sum = vec4f();
    var along = vec4f();
#for i in 0..QUADS
    dy$(i) = select(vec4f(), dy$(i), inside$(i));
    xhat$(i) = (xhat$(i) - mean) * rstd;
    dweight$(i) += dy$(i) * xhat$(i);
    dbias$(i) += dy$(i);
    dy$(i) *= weight$(i);
    sum += dy$(i);
    along += dy$(i) * xhat$(i);
#end
    let ahead = min(row + 1u, end - 1u) * quads;
#for i in 0..QUADS
    next_dy$(i) = load_dy(ahead + at$(i));
    next_x$(i) = load_x(ahead + at$(i));
#end
    let totals = sum_lanes(lane, vec2f(dot(sum, vec4f(1.0)), dot(along, vec4f(1.0)))) / f32(params.width);
    let shift = select(0.0, totals.x, HAS_MEAN);
#for i in 0..QUADS
    if (inside$(i)) { store_dx(start + at$(i), rstd * (dy$(i) - shift - xhat$(i) * totals.y)); }
#end
  }
  let into = (params.into + group) * quads;
#for i in 0..QUADS
  if (inside$(i)) {
    if (HAS_DWEIGHT) { store_dweight(into + at$(i), dweight$(i)); }
    if (HAS_DBIAS) { store_dbias(into + at$(i), dbias$(i)); }
  }
#end
}
