// Kinds of fields of an options object or a configuration. `import { field } from "@dilated/core"`: field.positiveInteger(), ...

/** JSON Schema, as plain JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** One kind of value: how it is described, and how it is checked. */
export interface Field<T> {
  /** What is allowed, for messages: "a positive integer". */
  readonly allowed: string;
  /** The same for machines; absent where a value is no JSON. */
  readonly json?: JsonSchema | undefined;
  /** Gives the value in use when the field is absent; without it the field must be there. */
  readonly absent?: () => T;
  /** Returns the value, or `undefined` after adding lines to `problems`. */
  check(value: unknown, path: string, problems: string[]): T | undefined;
}

/** The fields of an object, by name. */
export type Schema = Readonly<Record<string, Field<unknown>>>;

/** What checked values of a schema look like. */
export type Values<S extends Schema> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** A field of your own: `test` says whether a value is allowed, `json` says the same as JSON Schema where it can. */
export function custom<T>(allowed: string, test: (value: unknown) => boolean, json?: JsonSchema): Field<T> {
  return {
    allowed,
    json,
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

/** One of a few literals. */
export function oneOf<const T extends string | number>(choices: readonly T[]): Field<T> {
  return custom(choices.map((choice) => JSON.stringify(choice)).join(", "), (value) => choices.includes(value as T), {
    enum: choices,
  });
}

/** A list of `item`s, at least `min` of them. */
export function list<T>(item: Field<T>, min = 0): Field<readonly T[]> {
  return {
    allowed: `a list${min > 0 ? ` of at least ${min}` : ""}, each ${item.allowed}`,
    json: { type: "array", minItems: min, items: item.json ?? {} },
    check(value, path, problems) {
      const before = problems.length;
      if (!Array.isArray(value) || value.length < min) {
        problems.push(`${path}: ${show(value)}; allowed: ${this.allowed}`);
        return undefined;
      }
      const items = value.map((entry, i) => item.check(entry, `${path}[${i}]`, problems));
      return problems.length === before ? (items as T[]) : undefined;
    },
  };
}

/** An object with these fields and no others. */
export function object<S extends Schema>(schema: S): Field<Values<S>> {
  return {
    allowed: `an object of ${Object.keys(schema).join(", ")}`,
    json: jsonSchema(schema),
    check: (value, path, problems) => checkObject(schema, value, path, problems),
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

/** Checks `value` against a schema; adds a line to `problems` for each field that is wrong, missing or unknown. */
export function checkObject<S extends Schema>(
  schema: S,
  value: unknown,
  path: string,
  problems: string[],
): Values<S> | undefined {
  const before = problems.length;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    problems.push(`${path || "options"}: ${show(value)}; allowed: an object`);
    return undefined;
  }
  const at = (name: string) => (path ? `${path}.${name}` : name);
  const given = value as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(schema, name)) problems.push(`${at(name)}: unknown; known: ${Object.keys(schema).join(", ")}`);
  }
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema)) {
    const entry = Object.hasOwn(given, name) ? given[name] : undefined;
    if (entry !== undefined) result[name] = field.check(entry, at(name), problems);
    else if (field.absent) result[name] = field.absent();
    else problems.push(`${at(name)}: missing; allowed: ${field.allowed}`);
  }
  return problems.length === before ? (result as Values<S>) : undefined;
}

/** A value as it is quoted in a message. */
function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return value.length > 8 ? `a list of ${value.length}` : `[${value.map(show).join(", ")}]`;
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
