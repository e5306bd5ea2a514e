// One workgroup a row: loss and log-sum-exp of the row in one pass over its V logits (online softmax).
/** Less than any logit that weighs anything. */
const MASKED = -3.4e38;
const LOG2E = 1.4426950408889634;

var<workgroup> maxima: array<f32, LANES>;
/** Relative to the lane's maximum: sum of exponentials, and of how far logits are below it; and how many they are. */
var<workgroup> sums: array<vec4f, LANES>;

/** Sums relative to a maximum that is `by` higher. */
fn raised(sum: vec4f, by: f32) -> vec4f {
  if (by == 0.0) { return sum; }
  return vec4f(sum.x * exp2(-by * LOG2E), select(sum.y, sum.y + sum.z * by, sum.z > 0.0), sum.z, 0.0);
}

fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group_index(w);
  if (row >= params.group_count) { return; }
  let base = row * params.vocab;
  var top = MASKED;
  var weight = 0.0;
  var below = 0.0;
  var count = 0.0;
  for (var c = lane * 4u; c < params.vocab; c += LANES * 4u) {
    let v = read4(base + c, params.vocab - c);
    let here = max(max(v.x, v.y), max(v.z, v.w));
    if (here > top) {
      weight *= exp2((top - here) * LOG2E);
      if (count > 0.0) { below += count * (here - top); }
      top = here;
    }
    weight += sum4(exp2((v - top) * LOG2E));
    if (params.smoothing > 0.0) {
      let real = vec4u(c, c + 1u, c + 2u, c + 3u) < vec4u(params.vocab);
      below += sum4(select(vec4f(), top - v, real));
      count += sum4(select(vec4f(), vec4f(1.0), real));
    }
  }
  maxima[lane] = top;
  sums[lane] = vec4f(weight, below, count, 0.0);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      let both = max(maxima[lane], maxima[lane + half]);
      sums[lane] = raised(sums[lane], both - maxima[lane]) + raised(sums[lane + half], both - maxima[lane + half]);
      maxima[lane] = both;
    }
  }
  if (lane != 0u) { return; }

  let target_id = i32(load_targets(row));
  let known = target_id >= 0 && u32(target_id) < params.vocab;
  // Never as one number: beside a maximum of 1e5, f32 rounds the logarithm to hundredths.
  var over = log(sums[0].x);
  var loss = 0.0;
  if (target_id != params.ignored) {
    if (known) {
      loss = (1.0 - params.smoothing) * ((maxima[0] - read1(base + u32(target_id))) + over);
      if (params.smoothing > 0.0) { loss += params.smoothing * (over + sums[0].y / f32(params.vocab)); }
    } else { // neither a token nor the ignored one: poison the row, so that it shows
      over = params.missing;
      loss = params.missing;
    }
  }
  store_lse(2u * row, maxima[0]);
  store_lse(2u * row + 1u, over);
  store_loss(row, loss);
}
