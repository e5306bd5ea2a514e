// y[e] = a[e] where condition[e] is not 0, else b[e]; `c_at`, `a_at` and `b_at` give the four values from element e on.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  var a = Value();
  var b = Value();
  if (HAS_A) { a = a_at(4u * i + params.first_a); }
  if (HAS_B) { b = b_at(4u * i + params.first_b); }
  store_y(i, select(b, a, condition_at(4u * i + params.first_condition) != vec4u()));
}
