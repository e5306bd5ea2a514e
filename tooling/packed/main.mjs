// The packages as users get them: packed, installed by npm in empty folders outside the workspace, and tried on every Node and TypeScript that we support.
//
//   pnpm check:packed      (needs the packages built)
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { budgets, checkBudget } from "./budgets.mjs";
import { checkInstallScripts, installIn, installTools, pack } from "./install.mjs";
import { compareNames, declaredNames, runtimeNames, sourceValues } from "./names.mjs";
import { checkImports, readmes, runPrograms, writePrograms } from "./readmes.mjs";
import { Findings } from "./run.mjs";
import { checkBlocks, checkTypes, typeChecks, writeConsumer } from "./types.mjs";
import { entries, packages } from "./workspace.mjs";

const started = Date.now();
const findings = new Findings();
const work = realpathSync(mkdtempSync(join(tmpdir(), "dilated-packed-")));
/** @param {string} what */
const done = (what) => console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${what}`);

try {
  const { nodes, compilers } = await installTools();
  done(`Node and TypeScript are here: ${[...nodes, ...compilers].map(({ version }) => version).join(", ")}`);
  const tarballs = await pack(work);
  const all = join(work, "all");
  await installIn(all, [...packages.map(({ name }) => name), "@types/node"], tarballs);
  done(`packed and installed: ${packages.map(({ name }) => name).join(", ")}`);

  await findings.check("nothing runs when the packages are installed", () => checkInstallScripts(all));

  const values = await sourceValues();
  await findings.checkAll(
    nodes,
    ({ version }) => `names on Node ${version}`,
    async ({ program }) => {
      const names = await runtimeNames(all, program);
      for (const { specifier } of entries) compareNames(specifier, values[specifier], names[specifier]);
    },
  );
  await findings.check("names of the declarations", () => {
    const sources = declaredNames(entries.map(({ source }) => source));
    const published = declaredNames(entries.map(({ types }) => join(all, "node_modules", types)));
    for (const [i, { specifier }] of entries.entries()) compareNames(specifier, sources[i], published[i]);
  });
  done(`names of ${entries.length} entries`);

  await findings.checkAll(
    Object.keys(budgets),
    (name) => `size of ${name}`,
    (name) => checkBudget(all, name),
  );
  done("sizes");

  const pages = readmes().filter(({ blocks }) => blocks.length > 0);
  /** @type {Map<string, string>} */
  const folders = new Map(); // what is installed, and where
  for (const page of pages) {
    await findings.check(`${page.name} installs what it imports`, () => checkImports(page));
    const key = page.installs.join(" ");
    const folder = folders.get(key) ?? join(work, `set-${folders.size}`);
    if (!folders.has(key)) await installIn(folder, page.installs, tarballs);
    if (!folders.has(key))
      await findings.check(`nothing runs when ${key} is installed`, () => checkInstallScripts(folder));
    folders.set(key, folder);
    await writePrograms(folder, page);
    await writePrograms(all, page);
  }
  await findings.checkAll(
    pages.flatMap((page) => nodes.map((node) => ({ page, node }))),
    ({ page, node }) => `${page.name} on Node ${node.version}`,
    ({ page, node }) => runPrograms(node.program, folders.get(page.installs.join(" ")) ?? "", page),
  );
  done(`blocks of ${pages.map(({ name }) => name).join(", ")}`);

  writeConsumer(all, values);
  await findings.checkAll(
    typeChecks(compilers),
    ({ name }) => name,
    (check) => checkTypes(all, check),
  );
  const newest = compilers.slice(-1).flatMap((compiler) => pages.map((page) => ({ page, compiler })));
  await findings.checkAll(
    newest,
    ({ page, compiler }) => `${page.name} in TypeScript ${compiler.version}`,
    ({ page, compiler }) => checkBlocks(all, compiler, page),
  );
  done("types");
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${findings.passed} passed, ${findings.failed.length} failed`);
for (const name of findings.failed) console.log(`  ${name}`);
process.exitCode = findings.failed.length > 0 ? 1 : 0;
