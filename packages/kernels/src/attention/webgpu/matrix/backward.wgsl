// Backward on matrix units, the common part of both kernels. With P = exp(scale·q·k - lse) of the joint softmax: dS = P
// * (factor * dout·v - delta). Rows and columns each bring two tensors (x0, x1 and y0, y1): half of the subgroups
// multiplies the first pair (scores), half the second (their gradients).
//
// A row with one key has dS = 0, but for a gradient that comes through lse. The difference above would give the
// rounding of `out` to f16 instead, by way of delta: SINGLE_KEY variants, for calls whose outputs f16 rounds, take a
// weight of 1, or next to it, for such a row's: dS is at most 1 - weight of what the row's dP differ by, far below that
// rounding. A key that several parts see has a part of the weight in each, and is not found.
//
// dS is far below what f16 resolves when dout is small, as gradients are: it is multiplied by a power of two that
// brings the largest |dout| to 2^4.

const LARGEST = 65504.0;
#if SINGLE_KEY
const SINGLE_KEY_WEIGHT = 1.0 - 1.5e-5;
#end

/** Column tiles: two buffers, but one of v, which the products of dS do not need. */
var<workgroup> columns: array<vec4u, $((3 + KEY) * BLOCK_N * OPERAND_PITCH)>;
/** Scores, then their gradients. */
var<workgroup> scores: array<vec4u, $(2 * BLOCK_M * SCORE_PITCH)>;
/** P (where it is needed), then dS. */
var<workgroup> weights: array<vec4u, $((1 + KEY) * BLOCK_M * WEIGHT_PITCH)>;

// Block `column` of a row of f16, as operands.
fn put_column(row: u32, column: u32, block: vec4u) {
#if F32_OPERANDS
  columns[row + column * 2u] = bitcast<vec4u>(low(block));
  columns[row + column * 2u + 1u] = bitcast<vec4u>(high(block));
#else
  columns[row + column] = block;
#end
}

/** Eight weights, columns 8 * column and on. */
fn put_weights(row: u32, column: u32, a: vec4f, b: vec4f) {
#if F32_OPERANDS
  weights[row * $(WEIGHT_PITCH)u + column * 2u] = bitcast<vec4u>(a);
  weights[row * $(WEIGHT_PITCH)u + column * 2u + 1u] = bitcast<vec4u>(b);
#else
  weights[row * $(WEIGHT_PITCH)u + column] = pack(a, b);
#end
}

fn stats_at(head: u32, place: u32) -> u32 { return query_at(head, place) * params.stat_words; }

/** Powers of two that bring dS into the range of f16, and back. */
fn gradient_scale() -> vec2f {
  let exponent = clamp(4.0 - floor(log2(max(amax[0], 1e-30))), -60.0, 60.0);
  return vec2f(exp2(exponent), exp2(-exponent));
}
