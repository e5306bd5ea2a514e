import { DISPOSE, DilatedError, isPlain, treeTensors } from "@dilated/core";
import type { WrongValues } from "./values.ts";

/** A right call of a public function. */
export interface ValidCall {
  /** As errors name it. */
  readonly name: string;
  /** Other public functions that the argument goes straight to, whose errors name themselves. */
  readonly through?: string | undefined;
  /** The names of its arguments, in order. */
  readonly names: readonly string[];
  readonly args: readonly unknown[];
  readonly call: (...args: never[]) => unknown;
}

/** What became of the wrong calls of one function. */
export interface Outcome {
  calls: number;
  /** Errors that are not ours. */
  readonly raw: string[];
  /** Errors of ours that name neither the function nor the argument. */
  readonly unnamed: string[];
  /** By argument, what was accepted. */
  readonly accepted: Map<string, string[]>;
}

/** One wrong call. */
interface Mutation {
  readonly at: string;
  readonly value: string;
  readonly args: readonly unknown[];
}

/** Every argument and every option replaced by every wrong value, one at a time; options that nobody knows; an argument too many. */
export function* mutationsOf({ names, args }: ValidCall, values: WrongValues): Generator<Mutation> {
  for (const [i, name] of names.entries()) {
    const given = args[i];
    const replaced = (value: unknown) => args.map((arg, k) => (k === i ? value : arg));
    for (const [value, wrong] of Object.entries(values)) yield { at: name, value, args: replaced(wrong) };
    if (!isPlain(given)) continue;
    for (const key of Object.keys(given)) {
      for (const [value, wrong] of Object.entries(values))
        yield { at: `${name}.${key}`, value, args: replaced({ ...given, [key]: wrong }) };
      const { [key]: _, ...rest } = given;
      yield {
        at: `${name}.${key}`,
        value: "throwing getter",
        args: replaced(Object.defineProperty(rest, key, thrower)),
      };
    }
    const proto: unknown = JSON.parse('{"__proto__": {"causal": true}}');
    yield { at: `${name}.__proto__`, value: "own", args: replaced(Object.assign(proto as object, given)) };
    yield { at: `${name}.constructor`, value: "own", args: replaced({ ...given, constructor: 1 }) };
    yield { at: name, value: "inherited", args: replaced(Object.create(given)) };
  }
  const all = names.map((_, i) => args[i]);
  yield { at: "surplus", value: "number", args: [...all, 7] };
  yield { at: "surplus", value: "options", args: [...all, { axis: 0 }] };
}

const thrower = {
  enumerable: true,
  get: (): never => {
    throw new TypeError("this field cannot be read");
  },
};

/** Makes every wrong call and says what became of each; frees what was made. `before` hears of each call: a hang shows which it was. */
export async function misuse(valid: ValidCall, values: WrongValues, before: (at: string) => void): Promise<Outcome> {
  const outcome: Outcome = { calls: 0, raw: [], unnamed: [], accepted: new Map() };
  const weights = valid.args.map((arg) => (arg as Partial<Freed> | undefined)?.parameters);
  const kept = new Set<unknown>([...treeTensors([valid.args, weights]), ...Object.values(values)]);
  for (const { at, value, args } of mutationsOf(valid, values)) {
    const where = `${valid.name}(${at} = ${value})`;
    before(where);
    outcome.calls++;
    try {
      const result = valid.call(...(args as never[]));
      if (!kept.has(result)) free(await settle(result), kept); // what was passed in may come back, and cannot be looked into
      const list = outcome.accepted.get(at) ?? [];
      outcome.accepted.set(at, [...list, value]);
    } catch (error) {
      if (!DilatedError.is(error)) outcome.raw.push(`${where}: ${String(error)}`);
      else if (!named(error, valid, at)) outcome.unnamed.push(`${where}: ${error.message}`);
    }
  }
  return outcome;
}

/** What was accepted in place of one argument, as lists have it. */
export function inShort(accepted: readonly string[], values: WrongValues): string {
  const refused = Object.keys(values).filter((value) => !accepted.includes(value));
  if (refused.length > accepted.length) return accepted.join(" | ");
  const more = accepted.filter((value) => !(value in values));
  return [`everything${refused.length > 0 ? ` but ${refused.join(", ")}` : ""}`, ...more].join(" | ");
}

function named(error: DilatedError, { name, through }: ValidCall, at: string): boolean {
  return namesBoth(error, name, at) || (through?.split(" ").some((other) => error.message.startsWith(other)) ?? false);
}

/** The message names the function; and the argument, where it alone is wrong: shapes, dtypes and devices are wrong together. */
function namesBoth({ code, message }: DilatedError, name: string, at: string): boolean {
  if (!name.split(".").some((part) => message.includes(part)))
    return /the function is async|what (attend|context|recall) returns|tree cannot be read|tree holds itself|^tensor ".*" \[.*needs \d+ bytes/.test(
      message,
    );
  if ((code !== "CONFIG" && code !== "DISPOSED") || at === "surplus") return true;
  return (
    /unknown option|fields? (is|are) wrong|its options cannot be read|a source must hold|the array|: tensor "/.test(
      message,
    ) || at.split(".").some((part) => message.includes(part))
  );
}

/** Waits for a promise; takes the first value of a generator. */
async function settle(result: unknown): Promise<unknown> {
  if (Object.prototype.toString.call(result) !== "[object AsyncGenerator]") return result;
  const stream = result as AsyncGenerator;
  const { value } = await stream.next();
  await stream.return(undefined);
  return value;
}

function free(result: unknown, kept: ReadonlySet<unknown>): void {
  if (typeof result !== "object" || result === null || kept.has(result)) return;
  const { model, parameters, dispose, [DISPOSE]: close } = result as Partial<Freed>;
  // A model may be one over weights that were passed in.
  for (const tensor of treeTensors([result, parameters ?? model?.parameters])) if (!kept.has(tensor)) tensor.dispose();
  if (parameters === undefined) (dispose ?? close)?.call(result);
}

interface Freed {
  readonly parameters: unknown;
  readonly model: { readonly parameters: unknown };
  dispose(): void;
  [DISPOSE](): void;
}
