import { existsSync, readdirSync } from "node:fs";
import { program } from "@dilated-internal/config/tsup";

// One program a folder.
const names = readdirSync("src").filter((name) => existsSync(`src/${name}/main.ts`));
export default program(Object.fromEntries(names.map((name) => [`${name}/main`, `src/${name}/main.ts`])));
