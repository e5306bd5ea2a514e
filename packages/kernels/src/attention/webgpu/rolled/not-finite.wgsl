// A weight of 0 times a NaN is NaN, so the product of a tile brings what is not finite among its columns to rows that
// do not see them, too. A tile whose results are finite is right; others are made again: from columns without what is
// not finite (attempt CLEANED), and then, where a row sees such columns, with NaN (attempt COUNTED). Compilers may take
// it that there are no NaNs and infinities: their bits tell.

/** Whether this launch repairs what a fast kernel left, and there is nothing to repair. */
fn is_idle() -> bool { return params.repair_call != 0u && plan[params.repair_at] != params.repair_call; }

const CLEANED = 1u;
const COUNTED = 2u;

/** 1 where a tile has to be made again. */
var<workgroup> retry: atomic<u32>;

/**
 * NaN as lse: a row whose keys all have a score of minus infinity. Keys of later launches make it one that they alone
 * count in.
 */
const UNSCORED = 0x7fc01ae5u;

fn unscored() -> f32 { return bitcast<f32>(UNSCORED | (params.queries & 0u)); }

fn is_unscored(lse: f32) -> bool { return bitcast<u32>(lse) == UNSCORED; }

/** Whether a stored lse is that of a row with keys. */
fn holds(lse: f32) -> bool {
  return (lse > -5e29 || (bitcast<u32>(lse) & 0x7fffffffu) > 0x7f800000u) && !is_unscored(lse);
}

fn not_finite(v: vec4f) -> vec4<bool> { return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u); }

fn is_nan4(v: vec4f) -> vec4<bool> { return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }

/** Powers of 2, and the logarithm below, that keep a NaN, which those of SwiftShader lose. */
fn exp2_of(v: vec4f) -> vec4f { return select(exp2(v), v, is_nan4(v)); }

fn log2_of(x: f32) -> f32 { return select(log2(x), x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }

/**
 * Columns as an attempt takes them: without what is not finite; or, where that is counted, ones for it, and zeros for
 * the rest.
 */
fn cleaned(v: vec4f, attempt: u32) -> vec4f {
  if (attempt == 0u) { return v; }
  let bad = not_finite(v);
  if (attempt == COUNTED) { return select(vec4f(), vec4f(1.0), bad); }
  return select(v, vec4f(), bad);
}

/** A result of the attempt before, NaN where counts are not zero. */
fn marked(v: vec4f, counts: vec4f) -> vec4f {
  return bitcast<vec4f>(select(bitcast<vec4u>(v), vec4u(0x7fc00000u), counts != vec4f()));
}
