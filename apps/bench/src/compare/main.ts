// Two builds of the library in one process, in turn, on one GPU: `npm run bench:compare` says how it is made.
import { writeJson } from "../bench/json-file.ts";
import { alternate, type Comparison, format } from "./alternate.ts";
import { options } from "./options.ts";
import type { Side } from "./side.ts";

interface SideModule {
  readonly TASKS: readonly string[];
  openSide(): Promise<Side>;
}

const { only, rounds, json } = options(process.argv.slice(2));
const load = async (name: string): Promise<SideModule> =>
  (await import(new URL(`./compare-${name}.mjs`, import.meta.url).href)) as SideModule;
const [first, second] = [await load("a"), await load("b")];
const [a, b] = [await first.openSide(), await second.openSide()];
console.log(
  `A: ${a.commit}, ${a.info}\nB: ${b.commit}, ${b.info}\nmedians of ${rounds} rounds, ms; B / A below 1: B is faster`,
);

const found: Comparison[] = [];
for (const task of second.TASKS) {
  if (only && !only.test(task)) continue;
  const line = await alternate(task, a, b, rounds);
  found.push(line);
  console.log(format(line));
  if (json)
    writeJson(json, { a: { commit: a.commit, info: a.info }, b: { commit: b.commit, info: b.info }, rounds, found });
}
process.exit(found.some(({ failed }) => failed !== undefined) ? 1 : 0);
