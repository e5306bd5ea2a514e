import { parseArgs } from "node:util";
import { ConfigError } from "@dilated/core";

/** A flag of a command line: how its text is read, and what the help says. */
export interface Flag<T> {
  readonly kind: "value" | "switch";
  /** What stands for the value in the help: N, FILE. */
  readonly placeholder: string;
  readonly help: string;
  /** @throws Error whose message says what is allowed */
  readonly read: (text: string | undefined) => T;
}

/** What a set of flags comes to. */
export type FlagValues<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** A flag with a whole number. */
export function whole<D extends number | undefined>(
  help: string,
  limits: { readonly least: number; readonly most?: number; readonly unit?: number; readonly default: D },
): Flag<number | D> {
  const { least, most = Number.MAX_SAFE_INTEGER, unit = 1 } = limits;
  const allowed = [
    most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`,
    ...(unit > 1 ? [`multiple of ${unit}`] : []),
  ].join(", ");
  return value("N", help, limits.default, (text) => {
    const number = Number(text);
    if (Number.isSafeInteger(number) && number >= least && number <= most && number % unit === 0 && text.trim() !== "")
      return number;
    throw new Error(`not ${allowed}`);
  });
}

/** A flag with one of a few words. */
export function oneOf<T extends string>(help: string, words: readonly T[], standard: T): Flag<T> {
  return value(words.join("|"), help, standard, (text) => {
    const known = words.find((word) => word === text);
    if (known === undefined) throw new Error(`known are ${words.join(", ")}`);
    return known;
  });
}

/** A flag with a text: a file, a folder. */
export function text<D extends string | undefined>(placeholder: string, help: string, standard: D): Flag<string | D> {
  return value(placeholder, help, standard, (given) => {
    if (given === "") throw new Error("empty");
    return given;
  });
}

/** A flag without a value. */
export function onOff(help: string): Flag<boolean> {
  return { kind: "switch", placeholder: "", help, read: (given) => given !== undefined };
}

function value<T, D>(placeholder: string, help: string, standard: D, read: (text: string) => T): Flag<T | D> {
  return { kind: "value", placeholder, help, read: (given) => (given === undefined ? standard : read(given)) };
}

/**
 * Reads `--name value`, `--name=value` and switches; `--help` gives "help".
 *
 * @param program - its name, for errors
 * @throws ConfigError that lists every bad flag.
 */
export function readFlags<F extends Readonly<Record<string, Flag<unknown>>>>(
  program: string,
  flags: F,
  args: readonly string[],
): FlagValues<F> | "help" {
  const given = split(program, flags, args);
  if (given.help) return "help";
  const problems: string[] = [];
  const values = Object.entries(flags).map(([name, flag]) => {
    const raw = given[name];
    const asText = raw === undefined || raw === false ? undefined : String(raw);
    try {
      return [name, flag.read(asText)];
    } catch (error) {
      problems.push(`--${name} ${asText}: ${error instanceof Error ? error.message : String(error)}`);
      return [name, undefined];
    }
  });
  if (problems.length > 0)
    throw new ConfigError(`${program}: the options are not valid`, { details: problems, fix: helpHint(program) });
  return Object.fromEntries(values) as FlagValues<F>;
}

/** The help text: what the program does, how to call it, one line a flag. */
export function usage(program: string, about: string, flags: Readonly<Record<string, Flag<unknown>>>): string {
  const rows = [...Object.entries(flags).map(([name, flag]) => [`--${name} ${flag.placeholder}`.trim(), flag.help])];
  rows.push(["--help", "this text"]);
  const width = Math.max(...rows.map(([left = ""]) => left.length)) + 2;
  const lines = rows.map(([left = "", help]) => `  ${left.padEnd(width)}${help}`);
  return `${about}\n\n  npm run example -- ${program} [options]\n\n${lines.join("\n")}`;
}

const helpHint = (program: string): string => `see npm run example -- ${program} --help`;

function split(program: string, flags: Readonly<Record<string, Flag<unknown>>>, args: readonly string[]) {
  const kinds = Object.entries(flags).map(
    ([name, { kind }]) => [name, { type: kind === "switch" ? "boolean" : "string" }] as const,
  );
  const options = Object.fromEntries([...kinds, ["help", { type: "boolean" }] as const]);
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${program}: ${message}`, { fix: helpHint(program), cause });
  }
}
