// What the matrix kernels share. A workgroup owns BLOCK_M rows, which stay in registers as right operands; columns come
// by in tiles of BLOCK_N through workgroup memory. SUBGROUPS_M subgroups stand below each other, ROW_TILES * UNIT_M
// rows each, and SUBGROUPS_N side by side, so that each loads fewer fragments. Matrix registers cannot be read element
// by element: scores go through workgroup memory too.
//
// Everything lies in blocks of 16 bytes: PER_BLOCK operands, or four f32. Odd row pitches in blocks keep fragment loads
// on different banks.
//
// UNIT_M, UNIT_N, UNIT_K are the sizes of one product of the matrix units. Tiles of that size: DEPTH_TILES along the
// head dim where scores sum over it, HEAD_TILES where it is what a product gives, WEIGHT_TILES and SCORE_TILES of a
// step of BLOCK_N columns, as operand and as result; ROW_OPERANDS hold a subgroup's rows. OWN_ tiles are those that
// fall to one of the subgroups side by side.

#let PER_BLOCK = 8 - 4 * F32_OPERANDS
#let OPERAND_PITCH = D / PER_BLOCK + 1
#let SCORE_PITCH = BLOCK_N / 4 + 1
#let WEIGHT_PITCH = BLOCK_N / PER_BLOCK + 1
#let BLOCK_M = SUBGROUPS_M * ROW_TILES * UNIT_M
#let THREADS = SUBGROUPS_M * SUBGROUPS_N * LANES
#let LANES_PER_ROW = LANES / UNIT_M
#let ROW_BLOCKS = D / 8
#let TILE_BLOCKS = BLOCK_N * ROW_BLOCKS
#let FETCHES = (TILE_BLOCKS + THREADS - 1) / THREADS
#let DEPTH_TILES = D / UNIT_K
#let HEAD_TILES = D / UNIT_N
#let WEIGHT_TILES = BLOCK_N / UNIT_K
#let ROW_OPERANDS = ROW_TILES * UNIT_M / UNIT_N
#let SCORE_TILES = BLOCK_N / UNIT_M

#if F32_OPERANDS
alias Operand = f32;
#else
alias Operand = f16;
#end
// Scores are made transposed, columns as left operand, which loads faster from workgroup memory than columns on the
// right, and stored back turned.
alias Left = subgroup_matrix_left<Operand, $(UNIT_K), $(UNIT_M)>;
alias Right = subgroup_matrix_right<Operand, $(UNIT_N), $(UNIT_K)>;
alias Result = subgroup_matrix_result<f32, $(UNIT_N), $(UNIT_M)>;

fn pack(a: vec4f, b: vec4f) -> vec4u {
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}

fn low(block: vec4u) -> vec4f { return vec4f(unpack2x16float(block.x), unpack2x16float(block.y)); }

fn high(block: vec4u) -> vec4f { return vec4f(unpack2x16float(block.z), unpack2x16float(block.w)); }

/**
 * Block `column` of a row of f16, as operands: rows come into registers by way of `scores`, which each kernel declares.
 */
fn put_score(row: u32, column: u32, block: vec4u) {
#if F32_OPERANDS
  scores[row + column * 2u] = bitcast<vec4u>(low(block));
  scores[row + column * 2u + 1u] = bitcast<vec4u>(high(block));
#else
  scores[row + column] = block;
#end
}

/** Loops that other kernels roll for software adapters are never rolled here. */
fn bound(n: u32) -> u32 { return n; }
