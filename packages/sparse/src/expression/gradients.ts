import { ConfigError } from "@dilated/core";
import type { Captured } from "./capture.ts";
import { derivativeOf } from "./derivative.ts";
import type { Node, NumberNode } from "./node.ts";
import { programOf } from "./program.ts";

/**
 * What an axis of a captured tensor is read by: a number that is the same everywhere, batch row, head, query, key, the
 * distance q - k (with its sign, and shifted by what is the same everywhere) or k - q, or any other number.
 */
export type IndexForm = "fixed" | "b" | "h" | "q" | "k" | "q-k" | "k-q" | "table";

/** How a score depends on one of the elements that it reads. */
export interface CapturedGradient {
  readonly capture: Captured;
  /** The index of the element. */
  readonly index: readonly Node[];
  readonly forms: readonly IndexForm[];
  /** d score / d element. */
  readonly derivative: NumberNode<"f32">;
}

/** Elements of a table that any pair of a query and a key may read: each gets a sum of its own in every workgroup. */
const LARGEST_TABLE = 4096;

/** Does a tree say the same at every place? */
const fixed = ({ op, name = "", args }: Node): boolean =>
  op === "variable" ? name.endsWith("Length") : op !== "load" && args.every(fixed);

/** What an index is. */
export function indexForm(index: Node): IndexForm {
  const { op, name, args } = index;
  if (fixed(index)) return "fixed";
  if (op === "variable") return name as IndexForm;
  const [a, b] = args as [Node, Node];
  if (op === "sub" && a.op === "variable" && b.op === "variable") {
    const form = `${a.name}-${b.name}`;
    if (form === "q-k" || form === "k-q") return form;
  }
  if ((op === "add" || op === "sub") && fixed(b)) return shifted(a);
  return op === "add" && fixed(a) ? shifted(b) : "table";
}

/** A shifted distance is one still; rows and columns that are shifted are read by another number. */
function shifted(index: Node): IndexForm {
  const form = indexForm(index);
  return form === "q-k" || form === "k-q" ? form : "table";
}

/**
 * How a score depends on what it captures, for the tensors that `wanted` names: an entry for each index by which it is
 * read.
 *
 * @throws ConfigError for an index whose gradient has no sum in a fixed order that is cheap: by pair of query and key,
 * or any number into a large table.
 */
export function capturedGradients(root: Node, wanted: (capture: Captured) => boolean): CapturedGradient[] {
  const { steps, nodes } = programOf(root);
  return steps.flatMap(({ op, type }, i) => {
    const node = nodes[i] as Node;
    const capture = node.capture;
    if (op !== "load" || type !== "f32" || !capture || !wanted(capture)) return [];
    const derivative = derivativeOf(root, (leaf) => leaf === node);
    if (!derivative) return [];
    const forms = node.args.map(indexForm);
    checkForms(capture, forms);
    return [{ capture, index: node.args, forms, derivative }];
  });
}

function checkForms({ shape }: Captured, forms: readonly IndexForm[]): void {
  const moving = forms.filter((form) => form !== "fixed" && form !== "b" && form !== "h");
  const large = shape.reduce((product, size) => product * size, 1) > LARGEST_TABLE;
  if (moving.length <= 1 && !(moving[0] === "table" && large)) return;
  if (moving.every((form) => form === "table") && !large) return;
  throw new ConfigError("scoreMod: there is no gradient for a captured tensor that is read like this", {
    details: [
      `shape: [${shape}], read by [${forms.join(", ")}]`,
      "gradients: by batch row and head, and by one of query, key or distance, or any number into a table of " +
        `${LARGEST_TABLE} elements at most`,
    ],
    fix: "capture its values instead of a tensor, as a constant, or read it by q, k or q - k",
  });
}
