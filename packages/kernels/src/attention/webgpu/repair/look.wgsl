// Whether any element of q, k or v is NaN, infinite, or so large that scores could be; see repair.ts. The body has
// `magnitude_q`, `magnitude_k` and `magnitude_v`: the largest magnitudes of chunk i of a tensor, as bits, which order
// as the numbers do, NaN above all. Compilers may take it that there is none: bits tell.

fn magnitude(v: vec4f) -> vec4u { return bitcast<vec4u>(v) & vec4u(0x7fffffffu); }

/** Looks at the chunks first, first + step, ... of each tensor, two at a time. */
fn look(first: u32, step: u32) {
  var most = vec4u();
  for (var i = first; i < max(params.look_q, max(params.look_k, params.look_v)); i += 2u * step) {
    // Loads that depend on nothing keep a GPU's memory busy: past the end, the last chunk is read again.
    let a = max(magnitude_q(min(i, params.look_q - 1u)), magnitude_q(min(i + step, params.look_q - 1u)));
    let b = max(magnitude_k(min(i, params.look_k - 1u)), magnitude_k(min(i + step, params.look_k - 1u)));
    let c = max(magnitude_v(min(i, params.look_v - 1u)), magnitude_v(min(i + step, params.look_v - 1u)));
    most = max(most, max(a, max(b, c)));
  }
  // All that write, write the same.
  if (any(most >= vec4u(params.limit))) { mark[params.mark_at] = params.mark_call; }
}
