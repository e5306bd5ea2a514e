// One workgroup a row: loss and log-sum-exp of the row in one pass over its V logits (online softmax).
const MASKED = -1e30;
const LOG2E = 1.4426950408889634;

var<workgroup> maxima: array<f32, LANES>;
var<workgroup> sums: array<vec2f, LANES>; // sum of exponentials relative to the lane's maximum, sum of logits

fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group_index(w);
  if (row >= params.group_count) { return; }
  let base = row * params.vocab;
  var top = MASKED;
  var weight = 0.0;
  var total = 0.0;
  for (var c = lane * 4u; c < params.vocab; c += LANES * 4u) {
    let v = read4(base + c, params.vocab - c);
    let here = max(max(v.x, v.y), max(v.z, v.w));
    if (here > top) {
      weight *= exp2((top - here) * LOG2E);
      top = here;
    }
    weight += sum4(exp2((v - top) * LOG2E));
    if (params.smoothing > 0.0) { total += sum4(select(vec4f(), v, v > vec4f(MASKED))); }
  }
  maxima[lane] = top;
  sums[lane] = vec2f(weight, total);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      let other = maxima[lane + half];
      let both = max(maxima[lane], other);
      sums[lane] = vec2f(
        sums[lane].x * exp2((maxima[lane] - both) * LOG2E) + sums[lane + half].x * exp2((other - both) * LOG2E),
        sums[lane].y + sums[lane + half].y,
      );
      maxima[lane] = both;
    }
  }
  if (lane != 0u) { return; }

  let target_id = i32(load_targets(row));
  let known = target_id >= 0 && u32(target_id) < params.vocab;
  var lse = maxima[0] + log(sums[0].x);
  var loss = 0.0;
  if (target_id != params.ignored) {
    if (known) {
      let share = params.smoothing / f32(params.vocab);
      loss = (1.0 - params.smoothing) * (lse - read1(base + u32(target_id))) + share * (f32(params.vocab) * lse - sums[0].y);
    } else { // neither a token nor the ignored one: poison the row, so that it shows
      lse = params.missing;
      loss = params.missing;
    }
  }
  store_lse(row, lse);
  store_loss(row, loss);
}
