import { FormatError } from "@dilated/core";

type Json = Readonly<Record<string, unknown>>;

/**
 * Refuses a configuration from a file that needs more than its weights hold, before anything is allocated for it. A lower bound: what an attention and
 * a feed-forward of each layer have, and the tables.
 *
 * @param held - tensors and bytes of the weights
 * @throws FormatError
 */
export function checkHeld(
  caller: string,
  config: Json,
  held: { readonly tensors: number; readonly bytes: number | undefined },
): void {
  const halves = [config.encoder, config.decoder].filter(isObject);
  const parts = halves.length > 0 ? halves : [config];
  const tensors = parts.reduce((sum, part) => sum + PER_LAYER * count(part.layers), 0);
  const elements = parts.reduce((sum, part) => sum + elementsOf(part), 0);
  // The smallest stored element has two bytes.
  if (tensors <= held.tensors && (held.bytes === undefined || elements <= held.bytes / 2)) return;
  throw new FormatError(`${caller}: the weights are too few for their configuration`, {
    details: [
      `tensors: ${held.tensors}; the configuration needs at least ${tensors}`,
      `bytes: ${held.bytes ?? "unknown"}; the configuration needs at least ${2 * elements}`,
    ],
    fix: "take configuration and weights of one model",
  });
}

/** Weights and biases of two norms, four projections and two linear layers. */
const PER_LAYER = 16;

function elementsOf(part: Json): number {
  const dim = count(part.dim);
  const hidden = part.hidden === undefined ? 4 * dim : count(part.hidden);
  const learned = part.gridPosition === "learned" ? count(part.grid) ** 2 : 0;
  const rows = [part.vocab, part.maxPositions, part.tileDim].reduce<number>(
    (sum, value) => sum + count(value),
    learned,
  );
  return count(part.layers) * 2 * dim * (dim + hidden) + rows * dim;
}

/** What is no number is left for the configuration's own check to refuse. */
function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}
