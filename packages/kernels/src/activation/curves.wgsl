// Curves f(x) and their slopes f'(x), four values at a time. The codes are those of curves.ts and assembly/activation.ts.
const RELU = 0u;
const SILU = 1u;
const GELU = 2u;
const GELU_TANH = 3u;
const SIGMOID = 4u;
const TANH = 5u;
const SQUARE = 6u;

const ROOT = 0.7978845608028654; // sqrt(2 / pi)
const DENSITY = 0.3989422804014327; // 1 / sqrt(2 pi)
const CUBIC = 0.044715;

/**
 * y, but x where that is NaN, by its bits: compilers may take it that there is none, and exp may lose it. Only for curves that do not
 * multiply by x, which keeps a NaN by itself.
 */
fn nan_of4(x: vec4f, y: vec4f) -> vec4f {
  return select(y, x, (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}

// By e^-|x|, so that nothing overflows.
fn sigmoid4(x: vec4f) -> vec4f {
  let e = exp(-abs(x));
  let p = 1.0 / (1.0 + e);
  return select(e * p, p, x >= vec4f());
}

// WGSL promises little about its own tanh. Near 0, where 1 - e^-2x would cancel, the Taylor series.
fn tanh4(x: vec4f) -> vec4f {
  let s = x * x;
  let series = x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))));
  let e = exp(-2.0 * abs(x));
  return nan_of4(x, select(sign(x) * (1.0 - e) / (1.0 + e), series, abs(x) < vec4f(0.3)));
}

fn bell4(x: vec4f) -> vec4f {
  return exp(max(-0.5 * x * x, vec4f(-104.0))); // e^-104 is 0 in f32, whatever x it meets
}

// (1 + erf(x / sqrt 2)) / 2, given bell4(x): Abramowitz & Stegun 7.1.26 (error < 2e-7), from the tail's side so that small values do not cancel.
fn normal_cdf4(x: vec4f, bell: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.23164189 * abs(x));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * p * bell;
  return select(tail, 1.0 - tail, x >= vec4f());
}

// (1 + tanh u) / 2 = sigmoid(2u)
fn tanh_argument4(x: vec4f) -> vec4f {
  return x * (2.0 * ROOT + 2.0 * ROOT * CUBIC * x * x);
}

fn curve4(op: u32, x: vec4f, a: f32) -> vec4f {
  switch op {
    case RELU: { return nan_of4(x, max(x, vec4f())); }
    case SILU: { return x * sigmoid4(x); }
    case GELU: { return x * normal_cdf4(x, bell4(x)); }
    case GELU_TANH: { return x * sigmoid4(tanh_argument4(x)); }
    case SIGMOID: { return nan_of4(x, sigmoid4(x)); }
    case TANH: { return tanh4(x); }
    case SQUARE: { return x * x; }
    default: { return a * x; }
  }
}

fn slope4(op: u32, x: vec4f, a: f32) -> vec4f {
  switch op {
    case RELU: { return select(vec4f(), vec4f(1.0), x > vec4f()); }
    case SILU: {
      let s = sigmoid4(x);
      return s * (1.0 + x * (1.0 - s));
    }
    case GELU: {
      let bell = bell4(x);
      return normal_cdf4(x, bell) + DENSITY * x * bell;
    }
    case GELU_TANH: {
      let s = sigmoid4(tanh_argument4(x));
      return s + x * s * (1.0 - s) * (2.0 * ROOT + 6.0 * ROOT * CUBIC * x * x);
    }
    case SIGMOID: {
      let s = nan_of4(x, sigmoid4(x));
      return s * (1.0 - s);
    }
    case TANH: {
      let t = tanh4(x);
      return 1.0 - t * t;
    }
    case SQUARE: { return 2.0 * x; }
    default: { return vec4f(a); }
  }
}
