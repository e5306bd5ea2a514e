// Whether any element of q, k or v is NaN, infinite, or so large that scores could be; see repair.ts. Reads every
// element once, eight an invocation and turn.

const THREADS = 256u;

/**
 * Magnitudes as bits, which order as the numbers do, NaN above all. Compilers may take it that there is none: bits
 * tell.
 */
fn magnitude(v: vec4f) -> vec4u { return bitcast<vec4u>(v) & vec4u(0x7fffffffu); }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  var most = vec4u();
  for (
    var i = group * THREADS + lane;
    i < max(params.quads_q, max(params.quads_k, params.quads_v));
    i += 2u * params.step
  ) {
    // Loads that depend on nothing keep a GPU's memory busy: past the end, the last element is read again.
    let query = min(i, params.quads_q - 1u);
    let next_query = min(i + params.step, params.quads_q - 1u);
    let key = min(i, params.quads_k - 1u);
    let next_key = min(i + params.step, params.quads_k - 1u);
    let value = min(i, params.quads_v - 1u);
    let next_value = min(i + params.step, params.quads_v - 1u);
    let a = max(magnitude(load_q(query)), magnitude(load_q(next_query)));
    let b = max(magnitude(load_k(key)), magnitude(load_k(next_key)));
    let c = max(magnitude(load_v(value)), magnitude(load_v(next_value)));
    most = max(most, max(a, max(b, c)));
  }
  // All that write, write the same.
  if (any(most >= vec4u(params.limit))) { plan[params.repair_at] = params.repair_call; }
}
