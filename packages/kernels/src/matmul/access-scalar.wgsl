// Any sizes: `left` of the four elements exist, the others count as zero.
fn get_a(at: u32, left: u32) -> vec4f {
  var v = vec4f();
  for (var j = 0u; j < min(left, 4u); j++) { v[j] = load_a(at + j); }
  return v;
}
fn get_b(at: u32, left: u32) -> vec4f {
  var v = vec4f();
  for (var j = 0u; j < min(left, 4u); j++) { v[j] = load_b(at + j); }
  return v;
}
fn get_c(at: u32, left: u32) -> vec4f {
  var v = vec4f();
  for (var j = 0u; j < min(left, 4u); j++) { v[j] = load_c(at + j); }
  return v;
}
fn get_bias(at: u32, left: u32) -> vec4f {
  var v = vec4f();
  for (var j = 0u; j < min(left, 4u); j++) { v[j] = load_bias(at + j); }
  return v;
}
fn put_c(at: u32, left: u32, v: vec4f) {
  for (var j = 0u; j < min(left, 4u); j++) { store_c(at + j, v[j]); }
}
