import { ConfigError, checkArgument, checkCall, LimitError } from "@dilated/core";
import { closureOf } from "../expression/closure.ts";
import type { BoolNode } from "../expression/node.ts";
import { programOf } from "../expression/program.ts";
import type { MaskArguments } from "../expression/variables.ts";
import { machineOf } from "../interval/machine.ts";
import { type BlockMask, everywhereOf, isBlockMask, madeMask } from "./block-mask.ts";
import { conditionOf, type MaskFunction, maskOf } from "./build.ts";
import { conditionEverywhere } from "./membership.ts";
import { EMPTY, FULL, PARTIAL } from "./refine.ts";
import { settle } from "./settle.ts";
import { commonSizes, firstList, MASK_SOURCE, type MaskSource } from "./sources.ts";

type Join = "and" | "or";
const ARGUMENTS = { mask: MASK_SOURCE };
const MOST_BLOCKS = 2 ** 28;

/**
 * What all of some masks let be seen. Of functions alone it is a function, to be given to `blockMask`; with a mask of
 * blocks among them it is one.
 *
 * @throws ShapeError for masks of different lengths, heads or batch rows; ConfigError for different sizes of blocks.
 * @example
 * ```ts
 * import { andMasks, blockMask } from "@dilated/sparse";
 * const window = andMasks(({ q, k }) => q.ge(k), ({ q, k }) => q.sub(k).lt(64));
 * console.log(blockMask(window, { N: 256, blockSize: 32 }).blocks.length); // 21
 * ```
 */
export function andMasks(...masks: MaskFunction[]): MaskFunction;
export function andMasks(...masks: MaskSource[]): BlockMask;
export function andMasks(...masks: MaskSource[]): MaskSource {
  return joinedMasks("andMasks", "and", masks);
}

/** What any of some masks lets be seen; else as {@link andMasks}. */
export function orMasks(...masks: MaskFunction[]): MaskFunction;
export function orMasks(...masks: MaskSource[]): BlockMask;
export function orMasks(...masks: MaskSource[]): MaskSource {
  return joinedMasks("orMasks", "or", masks);
}

/**
 * What a mask does not let be seen. Of a mask of blocks that is most of all blocks.
 *
 * @throws LimitError for over 2^28 blocks.
 */
export function notMask(mask: MaskFunction): MaskFunction;
export function notMask(mask: MaskSource): BlockMask;
export function notMask(mask: MaskSource): MaskSource {
  checkCall("notMask", ARGUMENTS, arguments);
  if (!isBlockMask(mask)) return (at: MaskArguments) => conditionAt("notMask", mask, at).not();
  const { B, H, rows, columns, offsets, blocks, partial } = mask;
  const most = B * H * rows * columns;
  if (most > MOST_BLOCKS)
    throw new LimitError("notMask: more than 2^28 blocks", {
      details: [`B ${B} x H ${H} x rows ${rows} x columns ${columns}: ${most}`],
      fix: "negate the function, and make the mask of that",
    });
  const lists = growing(most, B * H * rows);
  for (let list = 0; list < B * H * rows; list++) {
    let at = offsets[list] as number;
    for (let column = 0; column < columns; column++) {
      const isListed = at < (offsets[list + 1] as number) && blocks[at] === column;
      if (!isListed || partial[at] === 1) lists.push(column, isListed ? PARTIAL : FULL);
      if (isListed) at++;
    }
    lists.endList();
  }
  const condition = partial.includes(1) ? conditionEverywhere(mask).not() : undefined;
  return madeMask({ ...mask, ...lists.done(), keep: condition }, condition);
}

/** The truth value of a function at nodes that are given. */
function conditionAt(caller: string, mask: MaskFunction, at: MaskArguments, name = "mask"): BoolNode {
  return conditionOf(caller, () => mask(at), name);
}

function joinedMasks(caller: string, join: Join, masks: readonly MaskSource[]): MaskSource {
  if (masks.length === 0) throw new ConfigError(`${caller}: takes at least one mask`, { fix: "pass masks" });
  for (const [i, mask] of masks.entries()) checkArgument(caller, `mask ${i + 1}`, MASK_SOURCE, mask);
  const functions = masks.flatMap((mask, i) => (isBlockMask(mask) ? [] : [{ mask, name: `mask ${i + 1}` }]));
  const whole: MaskFunction = (at) => {
    const [first, ...others] = functions.map(({ mask, name }) => conditionAt(caller, mask, at, name)) as [
      BoolNode,
      ...BoolNode[],
    ];
    return others.reduce((condition, other) => condition[join](other), first);
  };
  const [first, ...others] = masks.filter(isBlockMask);
  if (first === undefined) return whole;
  const lists = others.reduce((joined, other) => both(caller, join, joined, other), first);
  if (functions.length === 0) return lists;
  const { N, M, B, H, blockSize } = lists;
  const sizes = { N, M, blockSize, ...(B > 1 && { B }), ...(H > 1 && { H }) };
  return both(caller, join, lists, maskOf(caller, conditionOf(caller, whole), sizes));
}

/** Lists as they grow, at most `most` blocks. */
function growing(most: number, lists: number) {
  const blocks = new Uint32Array(most);
  const kinds = new Uint8Array(most);
  const offsets = new Uint32Array(lists + 1);
  let [count, list] = [0, 0];
  return {
    kinds,
    push(column: number, kind: number): number {
      blocks[count] = column;
      kinds[count] = kind;
      return count++;
    },
    endList(): void {
      offsets[++list] = count;
    },
    /** Without those that are empty after all. */
    done(): Pick<BlockMask, "offsets" | "blocks" | "partial"> {
      let to = 0;
      for (let i = 0, at = 0; i < lists; i++) {
        for (; at < (offsets[i + 1] as number); at++) {
          if (kinds[at] === EMPTY) continue;
          blocks[to] = blocks[at] as number;
          kinds[to++] = kinds[at] === PARTIAL ? 1 : 0;
        }
        offsets[i + 1] = to;
      }
      return { offsets, blocks: blocks.slice(0, to), partial: kinds.slice(0, to) };
    },
  };
}

/** Two masks as one: their lists merged, and what is partial in both looked at again. */
function both(caller: string, join: Join, one: BlockMask, other: BlockMask): BlockMask {
  const sizes = commonSizes(caller, one, other);
  const { B, H } = sizes;
  const parts = B * H;
  const most = (one.blocks.length * parts) / (one.B * one.H) + (other.blocks.length * parts) / (other.B * other.H);
  const lists = growing(most, parts * one.rows);
  const doubtful = Array.from({ length: parts }, () => ({
    row: [] as number[],
    column: [] as number[],
    at: [] as number[],
  }));
  for (let part = 0; part < parts; part++) {
    const [b, h] = [Math.floor(part / H), part % H];
    for (let row = 0; row < one.rows; row++) {
      mergeRow(
        join,
        [one, firstList(one, b, h) + row],
        [other, firstList(other, b, h) + row],
        (column, kind, unsure) => {
          const at = lists.push(column, kind);
          if (!unsure) return;
          const cells = doubtful[part] as (typeof doubtful)[number];
          cells.row.push(row);
          cells.column.push(column);
          cells.at.push(at);
        },
      );
      lists.endList();
    }
  }
  const everywhere = joinedEverywhere(join, one, other);
  // True in every full block of both, which is all that "and" asks for.
  const keep = join === "and" && one.keep && other.keep ? one.keep.and(other.keep) : (one.keep ?? other.keep);
  const condition = join === "and" ? keep : keep && everywhere();
  if (condition) {
    const program = programOf(condition);
    for (const [part, { row, column, at }] of doubtful.entries()) {
      const [b, h] = [Math.floor(part / H), part % H];
      const fixed = { b, h, qLength: sizes.N, kLength: sizes.M };
      const machine = machineOf(program, { ...fixed, b: [b, b], h: [h, h] });
      const cells = { row: Uint32Array.from(row), column: Uint32Array.from(column) };
      const kinds = settle(machine, closureOf(condition, fixed), sizes, cells);
      for (const [i, place] of at.entries()) lists.kinds[place] = kinds[i] as number;
    }
  }
  const known = everywhereOf(one) && everywhereOf(other) ? everywhere() : join === "or" ? condition : undefined;
  return madeMask({ ...sizes, ...lists.done(), keep: condition }, known);
}

/** The condition at every pair, made when it is asked for: it may need a table of bits. */
function joinedEverywhere(join: Join, one: BlockMask, other: BlockMask): () => BoolNode {
  let made: BoolNode | undefined;
  return () => {
    made ??= conditionEverywhere(one)[join](conditionEverywhere(other));
    return made;
  };
}

type Row = readonly [mask: BlockMask, list: number];

function mergeRow(
  join: Join,
  [one, listOne]: Row,
  [other, listOther]: Row,
  push: (column: number, kind: number, unsure: boolean) => void,
): void {
  let [i, j] = [one.offsets[listOne] as number, other.offsets[listOther] as number];
  const [endI, endJ] = [one.offsets[listOne + 1] as number, other.offsets[listOther + 1] as number];
  while (i < endI || j < endJ) {
    const left = i < endI ? (one.blocks[i] as number) : Number.POSITIVE_INFINITY;
    const right = j < endJ ? (other.blocks[j] as number) : Number.POSITIVE_INFINITY;
    const isPartial = [one.partial[i] === 1, other.partial[j] === 1] as const;
    if (left === right) {
      const partial = join === "and" ? isPartial[0] || isPartial[1] : isPartial[0] && isPartial[1];
      push(left, partial ? PARTIAL : FULL, isPartial[0] && isPartial[1]);
      i++;
      j++;
    } else if (left < right) {
      if (join === "or") push(left, isPartial[0] ? PARTIAL : FULL, false);
      i++;
    } else {
      if (join === "or") push(right, isPartial[1] ? PARTIAL : FULL, false);
      j++;
    }
  }
}
