// y[e] = a[e] op b[(e + first) mod period]; `suffix_b(e)` gives the four values of b from element e on.
const ADD = 0u;
const SUB = 1u;
const DIV = 3u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let a = load_a(i);
  let b = suffix_b(4u * i + params.first);
  switch params.op {
    case ADD: { store_y(i, a + b); }
    case SUB: { store_y(i, a - b); }
    case DIV: { store_y(i, a / b); }
    default: { store_y(i, a * b); }
  }
}
