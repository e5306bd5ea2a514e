// Kinds of fields of an options object or a configuration. `import { field } from "@dilated/core"`: field.positiveInteger(), ...
import type { Device } from "../device/device.ts";
import { devices } from "../device/devices.ts";
import type { AbortSignalLike } from "../foreign/types.ts";
import type { Shape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { isArray, isNumberList } from "./list.ts";
import { nearestNames } from "./nearest.ts";
import { isPlain } from "./plain.ts";
import { show } from "./show.ts";

/** JSON Schema, as plain JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** One kind of value: how it is described, and how it is checked. */
export interface Field<T> {
  /** What is allowed, for messages: "a positive integer". */
  readonly allowed: string;
  /** The same for machines; absent where a value is no JSON. */
  readonly json?: JsonSchema | undefined;
  /** The value is a tensor, or may hold some: they have to be alive, and on one device. */
  readonly tensors?: boolean | undefined;
  /** The value is a device: the tensors behind it have to be there. */
  readonly isDevice?: boolean | undefined;
  /** Of an object: its fields. */
  readonly fields?: Schema | undefined;
  /** There may be other fields beside those. */
  readonly open?: boolean | undefined;
  /** Of a list: its items. */
  readonly item?: Field<unknown>;
  /** Gives the value in use when the field is absent; without it the field must be there. */
  readonly absent?: () => T;
  /** Is the value allowed? Makes nothing, as it runs in every call of every operation. */
  test(value: unknown): boolean;
  /** Returns the value, or `undefined` after adding lines to `problems`. */
  check(value: unknown, path: string, problems: string[]): T | undefined;
}

/** The fields of an object, by name. */
export type Schema = Readonly<Record<string, Field<unknown>>>;

/** Options with every default filled in: nothing left out, and nothing undefined. */
export type Filled<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

/** A schema with exactly the fields of the interface `T`, so that the two cannot drift apart. */
export type FieldsOf<T> = { readonly [K in keyof Required<T>]: Field<unknown> };

/** What checked values of a schema look like. */
export type Values<S extends Schema> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** A field of your own: `test` says whether a value is allowed, `json` says the same as JSON Schema where it can. */
export function custom<T>(allowed: string, test: (value: unknown) => boolean, json?: JsonSchema): Field<T> {
  return {
    allowed,
    json,
    test,
    check(value, path, problems) {
      if (test(value)) return value as T;
      problems.push(`${path}: ${show(value)}; allowed: ${allowed}`);
      return undefined;
    },
  };
}

/** 1, 2, 3, ... */
export function positiveInteger(max: number = Number.MAX_SAFE_INTEGER): Field<number> {
  const allowed = max === Number.MAX_SAFE_INTEGER ? "a positive integer" : `an integer from 1 to ${max}`;
  return custom(allowed, (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max, {
    type: "integer",
    minimum: 1,
    maximum: max,
  });
}

/** 0, 1, 2, ... */
export function nonNegativeInteger(max: number = Number.MAX_SAFE_INTEGER): Field<number> {
  const allowed = max === Number.MAX_SAFE_INTEGER ? "an integer from 0" : `an integer from 0 to ${max}`;
  return custom(allowed, (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max, {
    type: "integer",
    minimum: 0,
    maximum: max,
  });
}

/** A finite number in [min, max]. */
export function number(min: number = Number.NEGATIVE_INFINITY, max: number = Number.POSITIVE_INFINITY): Field<number> {
  const from = min === Number.NEGATIVE_INFINITY ? "" : ` from ${min}`;
  const to = max === Number.POSITIVE_INFINITY ? "" : ` up to ${max}`;
  return custom(
    `a finite number${from}${to}`,
    (value) => Number.isFinite(value) && (value as number) >= min && (value as number) <= max,
    { type: "number", ...(from && { minimum: min }), ...(to && { maximum: max }) },
  );
}

/** A finite number above 0. */
export function positive(): Field<number> {
  return custom("a finite number above 0", (value) => Number.isFinite(value) && (value as number) > 0, {
    type: "number",
    exclusiveMinimum: 0,
  });
}

/** A number in [0, 1): rates. */
export function fraction(): Field<number> {
  return custom("a number from 0 to below 1", (value) => typeof value === "number" && value >= 0 && value < 1, {
    type: "number",
    minimum: 0,
    exclusiveMaximum: 1,
  });
}

export function boolean(): Field<boolean> {
  return custom("true or false", (value) => typeof value === "boolean", { type: "boolean" });
}

export function string(): Field<string> {
  return custom("a string", (value) => typeof value === "string", { type: "string" });
}

/** A function; `of` says what it is for. */
export function func(of = ""): Field<(...args: never) => unknown> {
  return custom(`a function${of && ` ${of}`}`, (value) => typeof value === "function");
}

/** A tensor; `of` says which, in words. */
export function tensor(of = ""): Field<Tensor> {
  return { ...custom<Tensor>(`a Tensor${of && `: ${of}`}`, (value) => value instanceof Tensor), tensors: true };
}

/** A device. */
export function device(): Field<Device> {
  return { ...made<Device>("a Device", devices), isDevice: true, tensors: true };
}

/** An instance of one of `classes`, which the message calls `allowed`. */
export function instance<T>(allowed: string, ...classes: readonly (abstract new (...args: never) => T)[]): Field<T> {
  return custom(allowed, (value) => classes.some((one) => value instanceof one));
}

/** One of the objects that a function of ours made and put into `made`, known by identity: what it holds needs no other check. */
export function made<T>(allowed: string, made: WeakSet<object>): Field<T> {
  return custom(allowed, (value) => typeof value === "object" && value !== null && made.has(value));
}

/** A value of one kind or of another. */
export function either<A, B>(
  one: Field<A>,
  other: Field<B>,
  allowed = `${one.allowed} or ${other.allowed}`,
): Field<A | B> {
  return {
    ...custom<A | B>(allowed, (value) => one.test(value) || other.test(value)),
    tensors: one.tensors || other.tensors,
    fields: one.fields ?? other.fields,
    open: one.open ?? other.open,
  };
}

/** The options of a function, which may be left out where each of them may be: the last argument in {@link checkCall}. */
export function options<T>(schema: FieldsOf<T>): Field<unknown> {
  const fields: Schema = schema;
  const field = object(fields);
  return Object.values(fields).every(({ absent }) => absent) ? optional(field) : field;
}

/** A list of numbers: an array or a typed array. Its elements are not looked at. */
export function numbers(): Field<ArrayLike<number>> {
  return custom("an array or a typed array of numbers", isNumberList);
}

/** A shape: what else there is to say of it, `checkShape` says. */
export function shape(): Field<Shape> {
  return custom("a list of sizes", isArray);
}

/** Bytes of a file. */
export function bytes(): Field<Uint8Array> {
  return custom("a Uint8Array", (value) => value instanceof Uint8Array);
}

/** An object with names of its own choice, all of one kind. */
export function record<T>(item: Field<T>): Field<Readonly<Record<string, T>>> {
  return custom(
    `an object, each field ${item.allowed}`,
    (value) => isPlain(value) && Object.values(value).every(item.test),
  );
}

/** Anything: what it may be is checked elsewhere, together with other things. */
export function any(allowed: string): Field<unknown> {
  return custom(allowed, () => true);
}

/** An AbortSignal, known by its shape: it may come from another realm. */
export function abortSignal(): Field<AbortSignalLike> {
  return custom(
    "an AbortSignal",
    (value) =>
      typeof value === "object" &&
      typeof (value as AbortSignalLike | null)?.aborted === "boolean" &&
      typeof (value as AbortSignalLike).addEventListener === "function",
  );
}

/** One of a few literals. */
export function oneOf<const T extends string | number>(choices: readonly T[]): Field<T> {
  return custom(choices.map((choice) => JSON.stringify(choice)).join(", "), (value) => choices.includes(value as T), {
    enum: choices,
  });
}

/** A list of which everything is wrong need not be gone through. */
const MOST_PROBLEMS = 20;

/** A list of `item`s, at least `min` of them. */
export function list<T>(item: Field<T>, min = 0): Field<readonly T[]> {
  return {
    allowed: `a list${min > 0 ? ` of at least ${min}` : ""}, each ${item.allowed}`,
    json: { type: "array", minItems: min, items: item.json ?? {} },
    tensors: item.tensors,
    item,
    test: (value) => {
      if (!isArray(value) || value.length < min) return false;
      // Not `every`: it steps over holes, and there may be 2^32 of them.
      for (let i = 0; i < value.length; i++) if (!item.test(value[i])) return false;
      return true;
    },
    check(value, path, problems) {
      const before = problems.length;
      if (!isArray(value) || value.length < min) {
        problems.push(`${path}: ${show(value)}; allowed: ${this.allowed}`);
        return undefined;
      }
      const items: (T | undefined)[] = [];
      for (let i = 0; i < value.length && problems.length < before + MOST_PROBLEMS; i++)
        items.push(item.check(value[i], `${path}[${i}]`, problems));
      return problems.length === before ? (items as T[]) : undefined;
    },
  };
}

/** An object with these fields and no others. */
export function object<S extends Schema>(schema: S): Field<Values<S>> {
  return {
    allowed: `an object of ${Object.keys(schema).join(", ")}`,
    json: jsonSchema(schema),
    fields: schema,
    tensors: Object.values(schema).some((field) => field.tensors),
    test: (value) => fits(schema, value),
    check: (value, path, problems) => checkObject(schema, value, path, problems),
  };
}

/**
 * An object with these fields, among others that are not looked at: a configuration of which a function needs a part,
 * say.
 */
export function having<S extends Schema>(schema: S): Field<Values<S>> {
  const names = Object.keys(schema);
  return {
    allowed: names.length > 0 ? `an object with ${names.join(", ")}` : "an object",
    fields: schema,
    open: true,
    tensors: Object.values(schema).some((field) => field.tensors),
    test: (value) => {
      if (!isPlain(value)) return false;
      for (const name in value) void value[name]; // what cannot be read throws here, and not later
      return names.every((name) => fieldFits(schema[name] as Field<unknown>, value, name));
    },
    check(value, path, problems) {
      const part = isPlain(value) && Object.fromEntries(names.map((name) => [name, own(value, name)]));
      if (checkObject(schema, part || value, path, problems)) return value as Values<S>;
      return undefined;
    },
  };
}

/** May be left out, and is then undefined. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return { ...field, absent: () => undefined };
}

/** May be left out, and is then `value`. */
export function withDefault<T, D extends T>(field: Field<T>, value: D): Field<T> {
  return { ...field, json: { ...field.json, default: value }, absent: () => value };
}

/** The JSON Schema (2020-12) of an object with these fields and no others. */
export function jsonSchema(schema: Schema): JsonSchema {
  const fields = Object.entries(schema);
  return {
    type: "object",
    additionalProperties: false,
    required: fields.flatMap(([name, { absent }]) => (absent ? [] : name)),
    properties: Object.fromEntries(
      fields.map(([name, { allowed, json }]) => [name, { description: allowed, ...json }]),
    ),
  };
}

/** Has `value` only fields of the schema, every one that must be there, and are all of them allowed? Makes nothing. */
export function fits(schema: Schema, value: unknown): boolean {
  if (!isPlain(value)) return false;
  for (const name in value) if (!Object.hasOwn(schema, name)) return false;
  for (const name in schema) if (!fieldFits(schema[name] as Field<unknown>, value, name)) return false;
  return true;
}

function fieldFits(field: Field<unknown>, value: Readonly<Record<string, unknown>>, name: string): boolean {
  const entry = own(value, name);
  return entry === undefined ? field.absent !== undefined : field.test(entry);
}

/** What an object has under a name, and no prototype of its. */
function own(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Checks `value` against a schema; adds a line to `problems` for each field that is wrong, missing or unknown. */
export function checkObject<S extends Schema>(
  schema: S,
  value: unknown,
  path: string,
  problems: string[],
): Values<S> | undefined {
  const before = problems.length;
  if (!isPlain(value)) {
    const names = Object.keys(schema).join(", ");
    problems.push(`${path || "options"}: ${show(value)}; allowed: an object${path && ` of ${names}`}`);
    return undefined;
  }
  const at = (name: string) => (path ? `${path}.${name}` : name);
  problems.push(...unknownFields(schema, value).map((name) => `${at(name)}: ${unknownField(name, schema)}`));
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema)) {
    const entry = own(value, name);
    if (entry !== undefined) result[name] = field.check(entry, at(name), problems);
    else if (field.absent) result[name] = field.absent();
    else problems.push(`${at(name)}: missing; allowed: ${field.allowed}`);
  }
  return problems.length === before ? (result as Values<S>) : undefined;
}

/** Names in `value` that the schema does not have. */
export function unknownFields(schema: Schema, value: object): string[] {
  return Object.keys(value).filter((name) => !Object.hasOwn(schema, name));
}

function unknownField(name: string, schema: Schema): string {
  const known = Object.keys(schema);
  const nearest = nearestNames(name, known);
  return `unknown; ${nearest.length > 0 ? `nearest: ${nearest.join(", ")}; ` : ""}known: ${known.join(", ")}`;
}
