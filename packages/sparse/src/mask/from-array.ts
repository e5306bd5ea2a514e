import { ConfigError, checkCall, field, type HostNumbers, LimitError, ShapeError, show } from "@dilated/core";
import { capture, numberOf } from "../expression/capture.ts";
import type { BoolNode } from "../expression/node.ts";
import { maskArguments } from "../expression/variables.ts";
import type { BlockMask } from "./block-mask.ts";
import { type BlockMaskOptions, maskOf, SIZES, sizesOf } from "./build.ts";

const ARGUMENTS = {
  values: field.custom<HostNumbers>("a list of truth values, or of zeros and ones", field.numbers().test),
  options: field.options(SIZES),
};
const MOST_WORDS = 2 ** 27;

/**
 * A mask from truth values, one a pair: true where a query sees a key. They are kept as bits, so that a mask of N
 * queries and M keys takes N·M / 8 bytes; what can be said by a function should be.
 *
 * @param values - [B|1, H|1, N, M], row-major: `true` or 1 for what is seen, `false` or 0 for what is not
 * @throws ShapeError where the values do not fill the shape; ConfigError for other values.
 */
export function maskFromArray(values: HostNumbers | readonly boolean[], options: BlockMaskOptions): BlockMask {
  checkCall("maskFromArray", ARGUMENTS, arguments);
  const { N, M, B, H, blockSize } = sizesOf("maskFromArray", options);
  const list = values as ArrayLike<number | boolean>;
  if (list.length !== B * H * N * M)
    throw new ShapeError("maskFromArray: the values do not fill the shape", {
      details: [`[B, H, N, M]: [${[B, H, N, M]}], ${B * H * N * M} elements`, `values: ${list.length}`],
      fix: "pass a value for each pair of a query and a key",
    });
  const words = Math.ceil(M / 32);
  if (B * H * N * words > MOST_WORDS)
    throw new LimitError("maskFromArray: more than 512 MiB of bits", {
      details: [`B·H·N·M / 8: ${B * H * N * words * 4} bytes`],
      fix: "say it by a function: blockMask(({ q, k }) => ...)",
    });
  return maskOf("maskFromArray", conditionOf(bitsOf(list, M, words), [B, H, N, words]), { N, M, B, H, blockSize });
}

function bitsOf(list: ArrayLike<number | boolean>, M: number, words: number): Uint32Array {
  const rows = list.length / M;
  const bits = new Uint32Array(rows * words);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let k = 0; k < M; k++, at++) {
      const value = numberOf(list[at]);
      if (value !== 0 && value !== 1)
        throw new ConfigError("maskFromArray: values must be truth values, or zeros and ones", {
          details: [`values[${at}]: ${show(list[at])}`],
          fix: "compare them first: values.map((x) => x > 0)",
        });
      const word = row * words + (k >>> 5);
      if (value) bits[word] = ((bits[word] as number) | (1 << (k & 31))) >>> 0;
    }
  }
  return bits;
}

/** The bit of a pair. */
function conditionOf(bits: Uint32Array, shape: readonly [number, number, number, number]): BoolNode {
  const { b, h, q, k } = maskArguments();
  return capture(bits, { shape })
    .at(shape[0] > 1 ? b : 0, shape[1] > 1 ? h : 0, q, k.shiftRight(5))
    .shiftRight(k.bitAnd(31).toU32())
    .bitAnd(1)
    .ne(0);
}
