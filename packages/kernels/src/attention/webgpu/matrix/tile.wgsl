// What the matrix kernels share. A workgroup owns ROWS rows, which stay in registers as left operands; columns come by in tiles of BK through workgroup
// memory. WR subgroups stand below each other, RT * MM rows each, and WC side by side, so that each loads fewer fragments. Matrix registers cannot
// be read element by element: scores go through workgroup memory too.
//
// Everything lies in blocks of 16 bytes: PER operands, or four f32. Odd row pitches in blocks keep fragment loads on different banks.

#let PER = 8 - 4 * WIDE
#let OP_PITCH = D / PER + 1
#let SCORE_PITCH = BK / 4 + 1
#let WEIGHT_PITCH = BK / PER + 1
#let ROWS = WR * RT * MM
#let THREADS = WR * WC * LANES
#let LPR = LANES / MM
#let ROW_BLOCKS = D / 8
#let TILE_BLOCKS = BK * ROW_BLOCKS
#let FETCHES = (TILE_BLOCKS + THREADS - 1) / THREADS
#let KT = D / MK
#let DT = D / MN
#let PT = BK / MK
#let QT = RT * MM / MN
#let NT = BK / MM

#if WIDE
alias Operand = f32;
#else
alias Operand = f16;
#end
// Scores are made transposed, columns as left operand, which loads faster from workgroup memory than columns on the right, and stored back turned.
alias Left = subgroup_matrix_left<Operand, $(MK), $(MM)>;
alias Right = subgroup_matrix_right<Operand, $(MN), $(MK)>;
alias Result = subgroup_matrix_result<f32, $(MN), $(MM)>;

fn pack(a: vec4f, b: vec4f) -> vec4u {
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}

fn low(block: vec4u) -> vec4f { return vec4f(unpack2x16float(block.x), unpack2x16float(block.y)); }

fn high(block: vec4u) -> vec4f { return vec4f(unpack2x16float(block.z), unpack2x16float(block.w)); }

/** Block `column` of a row of f16, as operands: rows come into registers by way of `scores`, which each kernel declares. */
fn put_score(row: u32, column: u32, block: vec4u) {
#if WIDE
  scores[row + column * 2u] = bitcast<vec4u>(low(block));
  scores[row + column * 2u + 1u] = bitcast<vec4u>(high(block));
#else
  scores[row + column] = block;
#end
}

/** Loops that other kernels roll for software adapters are never rolled here. */
fn bound(n: u32) -> u32 { return n; }
