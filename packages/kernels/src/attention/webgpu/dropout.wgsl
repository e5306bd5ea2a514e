/**
 * Factor of the attention weight of query t and key u: 0 when dropped. The same function of (seed, stream, b, h, t, u)
 * as on every other backend.
 */
fn dropout_factor(batch: u32, head: u32, t: u32, u: u32) -> f32 {
  let words = philox4x32(vec4u(t, u >> 2u, head + params.heads_q * batch, params.dropout_domain), vec2u(params.seed_low, params.seed_high));
  return select(0.0, params.keep_scale, words[u & 3u] >= params.threshold);
}

fn dropout_factors(batch: u32, head: u32, t: vec4u, u: vec4u) -> vec4f {
  if (!DROPOUT) { return vec4f(1.0); }
  var factors = vec4f(1.0);
  for (var i = 0u; i < bound(4u); i++) { factors[i] = dropout_factor(batch, head, t[i], u[i]); }
  return factors;
}
