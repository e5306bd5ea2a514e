import * as core from "@dilated/core";
import * as kernels from "@dilated/kernels";
import * as attention from "@dilated/kernels/attention";
import * as decode from "@dilated/kernels/decode";
import * as tune from "@dilated/kernels/tune";
import * as sparse from "@dilated/sparse";
import * as models from "../../index.ts";
import * as node from "../../node/index.ts";

const packages: readonly Readonly<Record<string, unknown>>[] = [
  core,
  kernels,
  attention,
  decode,
  tune,
  sparse,
  models,
  node,
];

/** `name` of each public function, `Class.method` of each method; errors, which are thrown and not called, left out. */
export function publicNames(): string[] {
  const names = packages.flatMap((entry) =>
    Object.entries(entry).flatMap(([name, value]) => {
      if (typeof value !== "function" || name.endsWith("Error")) return [];
      const prototype = (value as { prototype?: object }).prototype;
      if (!/^class\b/.test(Function.prototype.toString.call(value)) || !prototype) return [name];
      const methods = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(
        ([method, { value: code }]) => method !== "constructor" && typeof code === "function",
      );
      return methods.map(([method]) => `${name}.${method}`);
    }),
  );
  return [...new Set(names)]; // some come by two entries
}
