// The k largest of each line x[o, ·, i], largest first, and where they are. A workgroup does a line: each lane knows
// the first of its own share that is not taken yet, and looks for the next one only when it was its that was taken.

/** Numbers in an order that integers have: NaN is the largest, and 0 is -0. */
fn key_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return 0xffffffffu; }
  if (size == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits != size);
}

const NONE = 0xffffffffu;
var<workgroup> keys: array<u32, LANES>;
var<workgroup> places: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  let line = group / params.inner * params.inner * params.n + group % params.inner;
  var out = group / params.inner * params.inner * params.k + group % params.inner;
  var mine = NONE; // place and key of this lane's candidate
  var key = 0u;
  var search = true;
  for (var r = 0u; r < params.k; r++) {
    if (search) {
      let last = mine;
      let last_key = key;
      mine = NONE;
      for (var j = lane; j < params.n; j += LANES) {
        let one = key_of(load_x(line + j * params.inner));
        let open = last == NONE || one < last_key || (one == last_key && j > last);
        if (open && (mine == NONE || one > key)) {
          mine = j;
          key = one;
        }
      }
      search = false;
    }
    keys[lane] = key;
    places[lane] = mine;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (lane < half) {
        let other = places[lane + half];
        let more = keys[lane + half] > keys[lane] || (keys[lane + half] == keys[lane] && other < places[lane]);
        if (other != NONE && (places[lane] == NONE || more)) {
          keys[lane] = keys[lane + half];
          places[lane] = other;
        }
      }
    }
    let best = workgroupUniformLoad(&places[0]);
    search = best == mine && best % LANES == lane;
    if (lane == 0u) {
      store_y(out, load_x(line + best * params.inner));
      store_at(out, best);
    }
    out += params.inner;
  }
}
