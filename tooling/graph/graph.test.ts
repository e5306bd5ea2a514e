import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSkeleton, type Skeleton } from "./skeleton.ts";

describe("the graph checks", () => {
  let workspace: Skeleton;
  beforeEach(() => {
    workspace = createSkeleton();
  });
  afterEach(() => workspace.remove());

  it("are content with imports that follow the layers", () => {
    workspace.plant("packages/kernels/src/index.ts", `export { core } from "@dilated/core";\n`);
    expect(workspace.complaints()).toEqual({});
  });

  it("both refuse core importing kernels", () => {
    workspace.plant("packages/core/src/index.ts", `export { kernels } from "@dilated/kernels";\n`);
    const { depcruise, boundaries } = workspace.complaints();
    expect(depcruise).toContain("error layer-core: packages/core/src/index.ts → packages/kernels/src/index.ts");
    expect(boundaries).toContain("@dilated/kernels");
  });

  it("turbo refuses the edge even where package.json declares it", () => {
    const manifest = JSON.parse(workspace.read("packages/core/package.json"));
    manifest.dependencies["@dilated/kernels"] = "workspace:^";
    workspace.plant("packages/core/package.json", JSON.stringify(manifest));
    expect(workspace.complaints().boundaries).toContain("`@dilated/kernels` found without any tag listed in allowlist");
  });

  it("both refuse a deep import by path", () => {
    workspace.plant("packages/core/src/secret.ts", "export const secret = 1;\n");
    workspace.plant("packages/kernels/src/index.ts", `export { secret } from "../../core/src/secret.ts";\n`);
    const { depcruise, boundaries } = workspace.complaints();
    expect(depcruise).toContain("error no-deep-imports: packages/kernels/src/index.ts → packages/core/src/secret.ts");
    expect(boundaries).toContain("../../core/src/secret.ts");
  });

  it("dependency-cruiser refuses a deep import by name", () => {
    workspace.plant("packages/core/src/secret.ts", "export const secret = 1;\n");
    workspace.plant("packages/kernels/src/index.ts", `export { secret } from "@dilated/core/src/secret.ts";\n`);
    expect(workspace.complaints().depcruise).toMatch(/error (no-deep-imports|not-to-unresolvable): packages\/kernels/);
  });

  it("dependency-cruiser refuses a circle of values, and lets types refer to each other", () => {
    workspace.plant("packages/core/src/a.ts", `import { b } from "./b.ts";\nexport const a = (): number => b();\n`);
    workspace.plant("packages/core/src/b.ts", `import { a } from "./a.ts";\nexport const b = (): number => a();\n`);
    workspace.plant("packages/core/src/c.ts", `import type { D } from "./d.ts";\nexport interface C { d: D }\n`);
    workspace.plant("packages/core/src/d.ts", `import type { C } from "./c.ts";\nexport interface D { c: C }\n`);
    const { depcruise } = workspace.complaints();
    expect(depcruise).toContain("error no-circular: packages/core/src/a.ts");
    expect(depcruise).not.toContain("packages/core/src/c.ts");
  });
});
