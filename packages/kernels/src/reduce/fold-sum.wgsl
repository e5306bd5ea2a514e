// y[o, m] = scale·Σ_k x[o, k·span + m]·(factor - mean[row])·rstd[row], row = element / inner; the factor is optional. A Value is one element or
// four; SHARE invocations share an output, each takes every SHARE-th term, and their sums are added up by a tree.
const COLUMNS = LANES / SHARE;
var<workgroup> shares: array<Value, LANES>;

fn term(element: u32) -> Value {
  let value = load_x(element);
  if (!HAS_FACTOR) { return value; }
  var factor = load_factor(element);
  let row = element / params.inner;
  if (HAS_MEAN) { factor -= load_mean(row); }
  if (HAS_RSTD) { factor *= load_rstd(row); }
  return value * factor;
}

// Terms first, first + stride, … before end. Four sums side by side: four loads are under way at once, and each sum is a quarter as long.
fn sum_from(first: u32, stride: u32, end: u32) -> Value {
  if (first >= end) { return Value(); }
  let steps = (end - first + stride - 1u) / stride;
  var at = first;
  var a = Value();
  var b = Value();
  var c = Value();
  var d = Value();
  for (var k = 0u; k < steps / 4u; k++) {
    a += term(at);
    b += term(at + stride);
    c += term(at + 2u * stride);
    d += term(at + 3u * stride);
    at += 4u * stride;
  }
  var sum = (a + b) + (c + d);
  for (var k = steps / 4u * 4u; k < steps; k++) {
    sum += term(at);
    at += stride;
  }
  return sum;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  // Neighbouring invocations read neighbouring elements: outputs lie side by side, or terms where the outputs are apart.
  let span = params.span;
  let column = select(lane % COLUMNS, lane / SHARE, span == 1u);
  let share = select(lane / COLUMNS, lane % SHARE, span == 1u);
  let t = group * COLUMNS + column;
  let slot = share * COLUMNS + column;
  if (t < params.count) {
    let base = (t / span) * params.length;
    shares[slot] = sum_from(base + t % span + share * span, SHARE * span, base + params.length);
  }
  for (var half = SHARE / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (share < half) { shares[slot] += shares[slot + half * COLUMNS]; }
  }
  if (share == 0u && t < params.count) { store_y(params.into + t, shares[slot] * params.scale); }
}
