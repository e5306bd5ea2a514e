import type { defineConfig } from "tsup";

type Config = ReturnType<typeof defineConfig>;
type Entry = Record<string, string>;

export declare const assets: NonNullable<
  Exclude<Config, unknown[] | ((...args: never[]) => unknown)>["esbuildPlugins"]
>[number];
export declare function library(): Config;
export declare function program(entry: Entry): Config;
