import type { defineConfig } from "tsup";

type Config = ReturnType<typeof defineConfig>;
type Entry = Record<string, string>;

export declare function library(): Config;
export declare function program(entry: Entry): Config;
