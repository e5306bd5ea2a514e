// y = e^(x - max) / Σ e^(x - max), one workgroup a row.
const LOWEST = -3.4e38;

/** e^x for x <= 0, and NaN for NaN, which max and exp may lose: told by its bits. */
fn weight(x: vec4f) -> vec4f {
  return select(exp(max(x, vec4f(-200.0))), x, (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group_index(w);
  if (row >= params.group_count) { return; }
  let quads = (params.width + 3u) / 4u;
  var highest = vec4f(LOWEST);
  for (var q = lane; q < quads; q += LANES) {
    highest = max(highest, select(vec4f(LOWEST), row_x(row, q), inside(q)));
  }
  let most = max_lanes(lane, max(max(highest.x, highest.y), max(highest.z, highest.w)));
  // Each quad is summed on its own, so that a very wide row is added up in a tree of some depth.
  var sum = 0.0;
  for (var q = lane; q < quads; q += LANES) {
    sum += dot(select(vec4f(), weight(row_x(row, q) - most), inside(q)), vec4f(1.0));
  }
  let scale = 1.0 / sum_lanes(lane, vec2f(sum, 0.0)).x;
  for (var q = lane; q < quads; q += LANES) {
    set_y(row, q, weight(row_x(row, q) - most) * scale);
  }
}
