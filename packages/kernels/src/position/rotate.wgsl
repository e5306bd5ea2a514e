// Rotates pairs of channels by position times frequency, and scales them (xPos). One invocation does four channels of one head of one token.
// Without x the pairs are (0, 1), which gives (sin, cos) for direction -1: the sinusoidal table.

// Upper 32 bits of a 32 x 32-bit product, by halves.
fn multiply_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let cross = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (cross >> 16u);
}

// (cos, sin) of a fraction of a turn. Quarter turns come off as integers; polynomials (Cephes sinf, cosf) do the rest: WGSL's own sin and cos
// promise 2^-11 only.
fn cos_sin(phase: u32) -> vec2f {
  let quarter = (phase + 0x20000000u) >> 30u;
  let x = f32(bitcast<i32>(phase - (quarter << 30u))) * 1.4629180792671596e-9; // 2 pi / 2^32
  let z = x * x;
  let s = fma(x * z, fma(z, fma(z, -1.9515295891e-4, 8.3321608736e-3), -1.6666654611e-1), x);
  let c = fma(z * z, fma(z, fma(z, 2.443315711809948e-5, -1.388731625493765e-3), 4.166664568298827e-2), fma(z, -0.5, 1.0));
  let turned = select(vec2f(c, s), vec2f(-s, c), (quarter & 1u) == 1u);
  return select(turned, -turned, (quarter & 2u) == 2u);
}

// (cos, sin) for one pair at one position, times the pair's scale.
fn rotation(position: i32, pair: u32) -> vec2f {
  let entry = load_frequencies(pair);
  let distance = u32(abs(position));
  let turned = distance * entry.x + multiply_high(distance, entry.y);
  let angle = cos_sin(select(turned, 0u - turned, position < 0));
  let exponent = params.power * (f32(position) - params.centre) * bitcast<f32>(entry.z);
  return vec2f(angle.x, angle.y * params.direction) * exp2(exponent);
}

fn channel(base: u32, c: u32) -> f32 {
  if (!HAS_X) { return select(0.0, 1.0, c >= select(params.dim / 2u, 1u, INTERLEAVED) && (!INTERLEAVED || (c & 1u) == 1u)); }
  return load_x(base + c / 4u)[c % 4u];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let quads = params.dim / 4u;
  let token = params.first_token + i / quads / params.heads; // batch * N + n
  let n = token % params.tokens;
  var position = params.offset + i32(n);
  if (HAS_POSITIONS) { position = i32(load_positions(n + (token / params.tokens) * params.position_stride)); }

  let base = (i / quads) * quads; // of this row, in groups of four
  let c = (i % quads) * 4u;
  var out: vec4f;
  if (INTERLEAVED) {
    var x = vec4f(0.0, 1.0, 0.0, 1.0);
    if (HAS_X) { x = load_x(i); }
    let r = rotation(position, c / 2u);
    let t = rotation(position, c / 2u + 1u);
    out = vec4f(x.x * r.x - x.y * r.y, x.y * r.x + x.x * r.y, x.z * t.x - x.w * t.y, x.w * t.x + x.z * t.y);
  } else {
    let half = params.dim / 2u;
    for (var j = 0u; j < 4u; j++) {
      let at = c + j;
      let upper = at >= half;
      let r = rotation(position, select(at, at - half, upper));
      let other = channel(base, select(at + half, at - half, upper));
      out[j] = channel(base, at) * r.x + select(-other, other, upper) * r.y;
    }
  }
  store_y(i, out);
}
