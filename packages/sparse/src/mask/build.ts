import { ConfigError, checkCall, field, LimitError, show } from "@dilated/core";
import { constant, isNode } from "../expression/build.ts";
import { closureOf } from "../expression/closure.ts";
import type { BoolNode, BoolOperand } from "../expression/node.ts";
import { type Program, programOf } from "../expression/program.ts";
import { type MaskArguments, maskArguments } from "../expression/variables.ts";
import { checkReads, machineOf } from "../interval/machine.ts";
import { type BlockMask, type BlockSize, madeMask } from "./block-mask.ts";
import { FULL, type Grid, joined, PARTIAL, refine, type Strips } from "./refine.ts";
import { type Cells, settle } from "./settle.ts";

/** Which keys a query sees, by arguments that are nodes. */
export type MaskFunction = (at: MaskArguments) => BoolOperand;

/** The sizes that a mask is for. */
export interface BlockMaskOptions {
  /** Queries. */
  readonly N: number;
  /** Keys. @defaultValue N */
  readonly M?: number | undefined;
  /** Batch rows, where the function asks for `b`. @defaultValue 1 */
  readonly B?: number | undefined;
  /** Query heads, where the function asks for `h`. @defaultValue 1 */
  readonly H?: number | undefined;
  /** Tokens of a block, 32, 64 or 128. @defaultValue 128 */
  readonly blockSize?: BlockSize | undefined;
}

const size = () => field.positiveInteger(2 ** 31 - 1);
/** Batch rows times heads times rows: lists are counted by 32 bits. */
const MOST_LISTS = 2 ** 28;
const MOST_BLOCKS = 2 ** 28;

export const SIZES: field.FieldsOf<BlockMaskOptions> = {
  N: size(),
  M: field.optional(size()),
  B: field.optional(size()),
  H: field.optional(size()),
  blockSize: field.optional(field.oneOf([32, 64, 128])),
};
const ARGUMENTS = { mask: field.func("of { b, h, q, k, qLength, kLength }"), options: field.options(SIZES) };

/**
 * A mask from a function that is called once, with nodes: for every block it is found whether its queries see all of
 * its keys, none, or some, by interval arithmetic on the function, from coarse to fine; not by asking N·M pairs.
 *
 * @param mask - what a query sees, as a tree: `({ q, k }) => q.sub(k).lt(4096).and(q.ge(k))`. It is called once, so
 * that `if` and `&&` in it decide nothing; write `select`, `and`, `or`.
 * @returns lists of blocks, frozen, with the condition of the partial ones
 * @throws ConfigError where the function gives no truth value, asks for a head or batch row whose number is not given,
 * or may read past a captured tensor; LimitError for over 2^28 blocks.
 * @example
 * ```ts
 * import { blockMask } from "@dilated/sparse";
 * const mask = blockMask(({ q, k }) => q.sub(k).lt(4096).and(q.ge(k)), { N: 65_536 });
 * console.log(mask.density.toFixed(4)); // 0.0624
 * ```
 */
export function blockMask(mask: MaskFunction, options: BlockMaskOptions): BlockMask {
  checkCall("blockMask", ARGUMENTS, arguments);
  return maskOf("blockMask", conditionOf("blockMask", mask), options);
}

/** The tree that a function gives. */
export function conditionOf(caller: string, mask: MaskFunction, name = "mask"): BoolNode {
  const given = mask(maskArguments());
  const node = typeof given === "boolean" ? constant(given) : given;
  if (!isNode(node) || node.type !== "bool")
    throw new ConfigError(`${caller}: ${name} must give a truth value`, {
      details: [`it gave ${isNode(node) ? `a node of type ${node.type}` : show(node)}`],
      fix: "compare numbers: q.sub(k).lt(4096)",
    });
  if (programOf(node).uses("score"))
    throw new ConfigError(`${caller}: ${name} cannot ask for the score`, { fix: "use a score function" });
  return node as BoolNode;
}

/** Sizes, defaults filled in. */
export function sizesOf(
  caller: string,
  { N, M = N, B = 1, H = 1, blockSize = 128 }: BlockMaskOptions,
): Required<Sizes> {
  const lists = B * H * Math.ceil(N / blockSize);
  if (lists > MOST_LISTS || Math.ceil(M / blockSize) > MOST_LISTS)
    throw new LimitError(`${caller}: more than 2^28 lists of blocks`, {
      details: [`B ${B} x H ${H} x N ${N} / blockSize ${blockSize} = ${lists} lists`],
      fix: "use the same lists for all heads and batch rows, or larger blocks",
    });
  return { N, M, B, H, blockSize };
}
export type Sizes = Pick<BlockMask, "N" | "M" | "B" | "H" | "blockSize">;

/** The mask of a condition, which is known to be a truth value. */
export function maskOf(caller: string, condition: BoolNode, options: BlockMaskOptions): BlockMask {
  const sizes = sizesOf(caller, options);
  const program = programOf(condition);
  checkSizes(caller, program, options);
  const B = program.uses("b") ? sizes.B : 1;
  const H = program.uses("h") ? sizes.H : 1;
  const parts = each(B * H, (i) => classified(program, condition, sizes, Math.floor(i / H), i % H));
  return madeMask({ ...sizes, B, H, ...listed(caller, parts), keep: condition }, condition);
}

const each = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Throws where the function asks for what has no size, or reads past what it captured. */
export function checkSizes(caller: string, program: Program, options: BlockMaskOptions): void {
  const { N, M = N, B = 1, H = 1 } = options;
  for (const [name, of] of [
    ["b", "B"],
    ["h", "H"],
  ] as const)
    if (program.uses(name) && options[of] === undefined)
      throw new ConfigError(`${caller}: mask asks for ${name}, and ${of} is not given`, {
        details: [`${of}: undefined; allowed: a positive integer`],
        fix: `pass ${of}`,
      });
  checkReads(caller, program, { b: [0, B - 1], h: [0, H - 1], qLength: N, kLength: M }, true);
}

/** The stretches of one head of one batch row, every block known. */
function classified(program: Program, condition: BoolNode, sizes: Sizes, b: number, h: number): Strips {
  const fixed = { b, h, qLength: sizes.N, kLength: sizes.M };
  const machine = machineOf(program, { ...fixed, b: [b, b], h: [h, h] });
  const strips = refine(machine, sizes);
  return settledStrips(strips, (cells) => settle(machine, closureOf(condition, fixed), sizes as Grid, cells));
}

/** Asks what the partial stretches are, which are of one block each. */
function settledStrips(strips: Strips, ask: (cells: Cells) => Uint8Array): Strips {
  const { ends, from, kind } = strips;
  const [asked, row, column] = [1, 2, 3].map(() => new Uint32Array(kind.length)) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let count = 0;
  for (let strip = 0, i = 0; strip < ends.length; strip++) {
    for (; i < (ends[strip] as number); i++) {
      if (kind[i] !== PARTIAL) continue;
      row[count] = strip;
      column[count] = from[i] as number;
      asked[count++] = i;
    }
  }
  const kinds = ask({ row: row.subarray(0, count), column: column.subarray(0, count) });
  for (let n = 0; n < count; n++) kind[asked[n] as number] = kinds[n] as number;
  return joined(strips);
}

/** The stretches of all heads as lists of blocks. */
function listed(caller: string, parts: readonly Strips[]): Pick<BlockMask, "offsets" | "blocks" | "partial"> {
  let total = 0;
  let lists = 0;
  for (const { from, to, ends } of parts) {
    lists += ends.length;
    for (let i = 0; i < from.length; i++) total += (to[i] as number) - (from[i] as number);
  }
  if (total > MOST_BLOCKS)
    throw new LimitError(`${caller}: more than 2^28 blocks`, {
      details: [`blocks: ${total}`],
      fix: "use larger blocks, or the same lists for all heads, or dense attention",
    });
  const offsets = new Uint32Array(lists + 1);
  const blocks = new Uint32Array(total);
  const partial = new Uint8Array(total);
  let at = 0;
  let list = 0;
  for (const { ends, from, to, kind } of parts) {
    for (let row = 0, i = 0; row < ends.length; row++) {
      for (; i < (ends[row] as number); i++) {
        const end = to[i] as number;
        if (kind[i] !== FULL) partial[at] = 1;
        for (let block = from[i] as number; block < end; block++) blocks[at++] = block;
      }
      offsets[++list] = at;
    }
  }
  return { offsets, blocks, partial };
}
