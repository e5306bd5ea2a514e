// Kinds of arguments that several functions take, as `checkCall` knows them.
import {
  ConfigError,
  type Device,
  DeviceError,
  type Field,
  field,
  type Schema,
  sameShape,
  type Tensor,
  treeEntries,
  treeTies,
} from "@dilated/core";

/** Names of tensors, in messages and in `device.stats()`. */
export const LABEL: Field<string> = field.string();

/** Weights of `initLinear`. */
const linear = field.object({ weight: field.tensor(), bias: field.tensor() });
const maybeLinear = field.optional(linear);
const maybeNorm = field.optional(linear);

/** Weights of `initAttention`. */
export const ATTENTION: Field<unknown> = field.object({
  query: linear,
  key: linear,
  value: linear,
  innerNorm: maybeNorm,
  output: linear,
});

/** Weights of `initFeedForward`. */
export const FEED_FORWARD: Field<unknown> = field.object({
  up: linear,
  gate: maybeLinear,
  innerNorm: maybeNorm,
  down: linear,
});

/** Weights of `initHead`. */
export const HEAD: Field<unknown> = field.object({ norm: maybeNorm, projection: linear });

/** Weights of `initLayer`. */
export const LAYER: Field<unknown> = field.object({
  attentionNorm: linear,
  attention: ATTENTION,
  crossNorm: maybeNorm,
  cross: field.optional(ATTENTION),
  feedForwardNorm: linear,
  feedForward: FEED_FORWARD,
});

const stack = { layers: field.list(LAYER, 1), norm: maybeNorm };
const maybeTensor = field.optional(field.tensor());
const input = { embedding: maybeTensor, positions: maybeTensor, embeddingNorm: maybeNorm, output: maybeTensor };

/** Weights of `initStack`, those of the model around it beside them. */
export const STACK: Field<unknown> = field.having(stack);
/** Weights of a model over tokens or vectors. */
export const TOWER: Field<unknown> = field.object({ ...stack, ...input });

/** Weights of a slide encoder. */
export const SLIDE_ENCODER: Field<unknown> = field.object({
  patch: linear,
  classToken: maybeTensor,
  gridPositions: maybeTensor,
  encoder: STACK,
  norm: linear,
});

/** Fields that are all there, defaults filled in. */
export function complete(schema: Schema): Schema {
  return Object.fromEntries(
    Object.entries(schema).map(([name, { absent: _, ...rest }]) => [name, rest as Field<unknown>]),
  );
}

/** Configurations that our functions completed and froze: what they hold needs no other look. */
const resolved = new WeakSet<object>();

/** Freezes a configuration whose fields were checked. */
export function asResolved<T extends object>(config: T): T {
  resolved.add(config);
  return Object.freeze(config);
}

/** A configuration that was completed, known by identity. */
export const CONFIG: Field<object> = field.made(
  "the config of a model, or what resolveLongNetLM and its like give",
  resolved,
);

/** The arguments of what completes a configuration, which it checks field by field. */
export const RESOLVE: Schema = { options: field.having({}) };

/** An object of any class with these methods; one whose name ends in "?" may be missing. */
export function methods(what: string, ...names: readonly string[]): Field<object> {
  const there = (of: Readonly<Record<string, unknown>>) => (name: string) => {
    const method = of[name.replace("?", "")];
    return typeof method === "function" || (method === undefined && name.endsWith("?"));
  };
  return field.custom(what, (value) => isObject(value) && names.every(there(value)));
}

/** What `train` trains: our models, or an object of the caller's. */
export const TRAINABLE: Field<object> = field.custom(
  "a model: an object with device, parameters and loss()",
  (value) => isObject(value) && DEVICE.test(value.device) && "parameters" in value && typeof value.loss === "function",
);

const DEVICE = field.device();

/** A model of ours, or one over other weights that inherits from it. */
export function isModel(value: unknown, kinds: readonly string[]): boolean {
  return (
    isObject(value) && kinds.includes(value.kind as string) && DEVICE.test(value.device) && CONFIG.test(value.config)
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Where a model is read from. */
export const SOURCE: Field<object> = methods(
  "a store: openFolder, memoryStore, directoryStore or urlSource make one",
  ...["read", "size?", "exclusive?"],
);
/** Where a model is written to. */
export const STORE: Field<object> = methods(
  "a store that can be written: openFolder, memoryStore or directoryStore make one",
  ...["read", "write", "remove", "list", "size?", "exclusive?"],
);

/**
 * Refuses weights that are not of the names and shapes of a model's own; their dtype may be another.
 *
 * @throws ConfigError that names each; DeviceError for those of another device.
 */
export function checkSameParameters(caller: string, given: unknown, own: unknown): void {
  const [found, wanted] = [leaves(given), leaves(own)];
  const [home] = wanted.values();
  if (home) checkHome(caller, "parameters", given, home.device);
  const details = [
    ...[...wanted].flatMap(([name, tensor]) => {
      const other = found.get(name);
      if (!other) return [`${name}: missing`];
      return sameShape(other.shape, tensor.shape) ? [] : [`${name}: ${other}; the model's: ${tensor}`];
    }),
    ...[...found.keys()].filter((name) => !wanted.has(name)).map((name) => `${name}: not of this model`),
  ];
  if (details.length === 0) return;
  throw new ConfigError(`${caller}: parameters must be a tree of the same names and shapes as the model's`, {
    details: details.slice(0, 20),
    fix: "make it from the model's own: treeMap(model.parameters, change)",
  });
}

/** Every tensor under each of its names. */
function leaves(tree: unknown): ReadonlyMap<string, Tensor> {
  const first = new Map(treeEntries(tree));
  for (const [name, same] of treeTies(tree)) first.set(name, first.get(same) as Tensor);
  return first;
}

/** @throws DeviceError that names the first tensor of a tree which is not on the device of the model. */
export function checkHome(caller: string, name: string, tree: unknown, device: Device): void {
  const away = treeEntries(tree, name).find(([, tensor]) => tensor.device !== device);
  if (!away) return;
  throw new DeviceError(`${caller}: ${away[0]} lives on another device than the model`, {
    details: [`${away[0]}: ${away[1]}`],
    fix: "make all tensors of one model on one device",
  });
}
