import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { allBlocks, blocksOf, testOf } from "./blocks.mjs";

test("finds blocks in Markdown and in doc comments", () => {
  expect(blocksOf("text\n```ts\nlet a = 1;\n```\n```sh\nls\n```\n```ts\nlet b = 2;\n```\n")).toEqual([
    "let a = 1;\n",
    "let b = 2;\n",
  ]);
  expect(blocksOf("/**\n * Doc.\n * ```ts\n * if (x) {\n *   y();\n * }\n * ```\n */\n")).toEqual([
    "if (x) {\n  y();\n}\n",
  ]);
});

test("keeps imports on top and puts the rest into a test", () => {
  const made = testOf('import { a } from "x";\nimport {\n  b,\n} from "y";\n\nawait a(b);\n', "page block 1");
  expect(made).toBe(
    'import { test as documentation } from "vitest";\nimport { a } from "x";\nimport {\n  b,\n} from "y";\n\ndocumentation("page block 1", async () => {\n  await a(b);\n});\n',
  );
});

// The tests made of blocks pass through a compiler, which hides it.
test("no block uses `using`, which Node 20 and 22 do not have", () => {
  const blocks = allBlocks(fileURLToPath(new URL("../..", import.meta.url)));
  expect(blocks.length).toBeGreaterThan(50);
  const modern = blocks.filter(({ block }) => /^\s*(await )?using /m.test(block));
  expect(modern.map(({ file, at }) => `${file} block ${at}`)).toEqual([]);
});
