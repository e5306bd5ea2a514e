import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Complaints, createSkeleton, type Skeleton } from "./skeleton.ts";

/** A tool takes seconds to start, so faults of different files share a workspace. */
const FAULTS: Readonly<Record<string, string>> = {
  // Core importing kernels.
  "packages/core/src/upwards.ts": `export { kernels } from "@dilated/kernels";\n`,
  // Deep imports: by path, and by name.
  "packages/core/src/secret.ts": "export const secret = 1;\n",
  "packages/kernels/src/by-path.ts": `export { secret } from "../../core/src/secret.ts";\n`,
  "packages/kernels/src/by-name.ts": `export { secret } from "@dilated/core/src/secret.ts";\n`,
  // A circle of values, and one of types.
  "packages/core/src/a.ts": `import { b } from "./b.ts";\nexport const a = (): number => b();\n`,
  "packages/core/src/b.ts": `import { a } from "./a.ts";\nexport const b = (): number => a();\n`,
  "packages/core/src/c.ts": `import type { D } from "./d.ts";\nexport interface C { d: D }\n`,
  "packages/core/src/d.ts": `import type { C } from "./c.ts";\nexport interface D { c: C }\n`,
};

describe("the graph checks", () => {
  let workspace: Skeleton;
  let complaints: Complaints;
  beforeAll(() => {
    workspace = createSkeleton();
    workspace.plant("packages/kernels/src/index.ts", `export { core } from "@dilated/core";\n`);
    expect(workspace.complaints(), "imports that follow the layers").toEqual({});
    for (const [file, text] of Object.entries(FAULTS)) workspace.plant(file, text);
    complaints = workspace.complaints();
  });
  afterAll(() => workspace.remove());

  it("both refuse core importing kernels", () => {
    const { depcruise, boundaries } = complaints;
    expect(depcruise).toContain("error layer-core: packages/core/src/upwards.ts → packages/kernels/src/index.ts");
    expect(boundaries).toContain("@dilated/kernels");
  });

  it("both refuse a deep import by path", () => {
    const { depcruise, boundaries } = complaints;
    expect(depcruise).toContain("error no-deep-imports: packages/kernels/src/by-path.ts → packages/core/src/secret.ts");
    expect(boundaries).toContain("../../core/src/secret.ts");
  });

  it("dependency-cruiser refuses a deep import by name", () => {
    expect(complaints.depcruise).toMatch(
      /error (no-deep-imports|not-to-unresolvable): packages\/kernels\/src\/by-name\.ts/,
    );
  });

  it("dependency-cruiser refuses a circle of values, and lets types refer to each other", () => {
    expect(complaints.depcruise).toMatch(/error no-circular: packages\/core\/src\/[ab]\.ts/);
    expect(complaints.depcruise).not.toContain("packages/core/src/c.ts");
    expect(complaints.depcruise).not.toContain("packages/core/src/d.ts");
  });

  it("turbo refuses the edge even where package.json declares it", () => {
    const manifest = JSON.parse(workspace.read("packages/core/package.json"));
    manifest.dependencies["@dilated/kernels"] = "workspace:^";
    workspace.plant("packages/core/package.json", JSON.stringify(manifest));
    expect(workspace.boundaries()).toContain("`@dilated/kernels` found without any tag listed in allowlist");
  });
});
