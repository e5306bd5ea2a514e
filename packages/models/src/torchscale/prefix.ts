import { FormatError } from "@dilated/core";

/** Of names that are looked at: a megabyte of dots would have a million prefixes. */
const LONGEST = 1000;

/**
 * What stands before a model's names in a state dict of something around it: `module.` (DistributedDataParallel), `slide_encoder.`, `model.`, `backbone.`, ...:
 * the prefix under which the most of the expected names are.
 *
 * @throws FormatError where two prefixes have as many.
 */
export function findPrefix(names: Iterable<string>, expected: ReadonlySet<string>): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    if (name.length > LONGEST) continue;
    for (let at = 0; at >= 0; at = name.indexOf(".", at) + 1 || -1) {
      if (expected.has(name.slice(at))) counts.set(name.slice(0, at), (counts.get(name.slice(0, at)) ?? 0) + 1);
    }
  }
  const [first, second] = [...counts].sort(([, a], [, b]) => b - a);
  if (first && second && first[1] === second[1] && first[0] !== "" && second[0] !== "") {
    throw new FormatError("fromTorchscale: the state dict holds several models", {
      details: [first, second].map(
        ([prefix, count]) => `${JSON.stringify(prefix)}: ${count} of ${expected.size} names`,
      ),
      fix: `say which: prefix: ${JSON.stringify(first[0])}`,
    });
  }
  return !first || counts.get("") === first[1] ? "" : first[0];
}
