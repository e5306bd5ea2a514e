// e^x, ln x and |x|, as curves.wgsl has the activations: apart from them, so that models are without what they do not
// use.
const EXP = 8u;
const LOG = 9u;

/** y, but x where that is NaN, by its bits: compilers may take it that there is none. */
fn nan_of4(x: vec4f, y: vec4f) -> vec4f {
  return select(y, x, (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}

/** 2^n for n in [-126, 127]. */
fn power4(n: vec4i) -> vec4f { return bitcast<vec4f>((n + vec4i(127)) << vec4u(23u)); }

// WGSL's own exp may lose a bit for each power of two, so x is first brought into [-ln 2 / 2, ln 2 / 2]. The power of
// two is multiplied in two halves: each is a normal number, and what overflows or underflows does so in the last
// product.
fn exp4(x: vec4f) -> vec4f {
  let bounded = clamp(x, vec4f(-110.0), vec4f(95.0));
  let n = round(bounded * 1.44269504088896340736);
  // ln 2 in two parts, the first of so few bits that its product is exact.
  let rest = (bounded - n * 0.693359375) + n * 2.12194440e-4;
  let half = vec4i(n) >> vec4u(1u);
  return nan_of4(x, exp(rest) * power4(half) * power4(vec4i(n) - half));
}

// WGSL leaves open what comes of 0, of infinity and of what is negative; a denormal number is a whole number of 2^-149,
// which is how it is read where the device takes it for 0.
fn log4(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let size = bits & vec4u(0x7fffffffu);
  var infinity = 0x7f800000u; // not a constant, which may not be infinite
  let small = size < vec4u(0x00800000u);
  var y = log(select(x, vec4f(size), small)) - select(vec4f(), vec4f(103.27892990343184), small);
  y = select(y, bitcast<vec4f>(vec4u(infinity)), size == vec4u(0x7f800000u));
  y = select(y, bitcast<vec4f>(vec4u(infinity + 0x00400000u)), bits > vec4u(0x80000000u));
  y = select(y, bitcast<vec4f>(vec4u(infinity | 0x80000000u)), size == vec4u());
  return nan_of4(x, y);
}

fn curve4(op: u32, x: vec4f, a: f32) -> vec4f {
  switch op {
    case EXP: { return exp4(x); }
    case LOG: { return log4(x); }
    default: { return abs(x); }
  }
}

// Of exp the slope is given its result.
fn slope4(op: u32, x: vec4f, a: f32) -> vec4f {
  switch op {
    case EXP: { return x; }
    case LOG: { return 1.0 / x; }
    default: { return nan_of4(x, sign(x)); }
  }
}
