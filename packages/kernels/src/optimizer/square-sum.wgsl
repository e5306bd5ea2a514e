// One number a workgroup: the sum of squares of its share of x. Shares and the order inside them depend on sizes only.
// Without a table, share g of x is the g-th run of RUN · LANES groups of four, and its sum goes to partial[first + g].
// With one, row entry + g says where a share starts, in groups of four, how many elements it has, and where its sum
// goes.
var<workgroup> shares: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  var start = group * RUN * LANES;
  var end = params.elements;
  var into = params.first + group;
  if (HAS_TABLE) {
    let row = (params.entry + group) * 3u;
    start = load_table(row);
    end = start * 4u + load_table(row + 1u);
    into = load_table(row + 2u);
  }
  var sum = vec4f();
  for (var j = 0u; j < RUN; j++) {
    let i = start + j * LANES + lane;
    if (i * 4u >= end) { break; }
    var v = load_x(i);
    let left = end - i * 4u;
    if (left < 4u) { v = select(vec4f(), v, vec4u(0u, 1u, 2u, 3u) < vec4u(left)); } // what lies behind the end is anything
    sum += v * v;
  }
  shares[lane] = (sum.x + sum.y) + (sum.z + sum.w);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { shares[lane] += shares[lane + half]; }
  }
  if (lane == 0u) { store_partial(into, shares[0]); }
}
