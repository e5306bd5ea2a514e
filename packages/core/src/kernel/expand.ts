import { ConfigError } from "../errors/index.ts";
import { evaluate, type Names } from "./expression.ts";

/** What templates may name: the constants of a variant, and whether each optional tensor is there (`HAS_X`). */
export type { Names } from "./expression.ts";

/**
 * Expands the directives of a WGSL body, so that what a compiler may or may not unroll is unrolled in the text (Tint guards loops against running forever,
 * which keeps drivers from unrolling them, and subgroup matrices live in registers only under constant indices). One directive a line:
 *
 * - `#let NAME = EXPR`
 * - `#for NAME in EXPR..EXPR` … `#end`, the upper bound excluded
 * - `#if EXPR` … `#else` … `#end`
 * - `$(EXPR)` anywhere: the value in decimal
 *
 * Expressions are integer arithmetic (`/` rounds down) over the names; a boolean counts as 0 or 1. Text without directives comes back as it is.
 *
 * @throws ConfigError - names the kernel and the line
 */
export function expandWgsl(kernel: string, source: string, names: Names): string {
  if (!/^\s*#|\$\(/m.test(source)) return source;
  const lines = source.split("\n");
  const out: string[] = [];
  const fail = (line: number, message: string): never => {
    throw new ConfigError(`${kernel}: ${message}`, {
      details: [`line ${line + 1}: ${(lines[line] ?? "").trim()}`],
      fix: "correct the directive; defineKernel says which there are",
    });
  };
  const value = (text: string, line: number, scope: Names): number => {
    try {
      return evaluate(text, scope);
    } catch (error) {
      return fail(line, (error as Error).message);
    }
  };

  /** Expands from `line` to the `#else` or `#end` that closes the block, and gives the line of that. */
  function block(line: number, scope: Record<string, number | boolean>, live: boolean): number {
    for (let at = line; at < lines.length; at++) {
      const text = lines[at] as string;
      const [, word, rest = ""] = /^\s*#(\w+)\s*(.*?)\s*$/.exec(text) ?? [];
      if (word === "end" || word === "else") return at;
      if (word === "let") {
        const [, name = "", expression = ""] = /^(\w+)\s*=\s*(.+)$/.exec(rest) ?? fail(at, "#let NAME = EXPR");
        if (live) scope[name] = value(expression, at, scope);
      } else if (word === "for") at = repeat(at, rest, scope, live);
      else if (word === "if") at = choose(at, rest, scope, live);
      else if (word !== undefined) fail(at, `unknown directive #${word}`);
      else if (live)
        out.push(text.replace(/\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)/g, (_, e) => String(value(e, at, scope))));
    }
    return lines.length;
  }

  function repeat(at: number, rest: string, scope: Record<string, number | boolean>, live: boolean): number {
    const [, name = "", from = "", to = ""] =
      /^(\w+)\s+in\s+(.+?)\.\.(.+)$/.exec(rest) ?? fail(at, "#for NAME in EXPR..EXPR");
    const [begin, end] = live ? [value(from, at, scope), value(to, at, scope)] : [0, 0];
    let close = -1;
    for (let i = begin; i < end; i++) close = block(at + 1, { ...scope, [name]: i }, true);
    if (close < 0) close = block(at + 1, { ...scope }, false);
    if (!/^\s*#end\b/.test(lines[close] ?? "")) fail(at, "#for without #end");
    return close;
  }

  function choose(at: number, rest: string, scope: Record<string, number | boolean>, live: boolean): number {
    const yes = live && value(rest, at, scope) !== 0;
    // A branch sees the names around it, and what it `#let`s stays: that is what conditional definitions are for.
    let close = block(at + 1, scope, yes);
    if (/^\s*#else\b/.test(lines[close] ?? "")) close = block(close + 1, scope, live && !yes);
    if (!/^\s*#end\b/.test(lines[close] ?? "")) fail(at, "#if without #end");
    return close;
  }

  const end = block(0, { ...names }, true);
  if (end < lines.length) fail(end, "#end or #else without a block");
  return out.join("\n");
}
