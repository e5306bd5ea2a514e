import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));

/** Options of exported `...Options` that may be left out, but by their type not be undefined. */
function strictOptions(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    if (!ts.isPropertySignature(node) || !node.questionToken) {
      ts.forEachChild(node, look);
      return;
    }
    const text = node.type?.getText(source) ?? "";
    if (!/\| undefined$|^unknown$|^Maybe</.test(text))
      found.push(`${path.slice(packages.length)}: ${node.name.getText(source)}`);
  };
  for (const statement of source.statements) {
    const named = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    const exported = named && statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (exported && statement.name.text.endsWith("Options")) look(statement);
  }
  return found;
}

it("every option that may be left out may be undefined as well", () => {
  const sources = readdirSync(packages, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => /[\\/]src[\\/].*\.ts$/.test(path) && !/node_modules|test-utils|\.(test|cases)\.ts$/.test(path));
  expect(sources.length).toBeGreaterThan(200);
  expect(sources.flatMap(strictOptions)).toEqual([]);
});
