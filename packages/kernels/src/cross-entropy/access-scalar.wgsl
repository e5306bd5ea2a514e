// Rows of any V: `left` of the four exist, the others count as masked.
fn read4(at: u32, left: u32) -> vec4f {
  var v = vec4f(MASKED);
  for (var j = 0u; j < min(left, 4u); j++) { v[j] = load_logits(at + j); }
  return v;
}
fn read1(at: u32) -> f32 { return load_logits(at); }
