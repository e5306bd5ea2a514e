// The import graph of the sources: `npx depcruise --config tooling/dependency-cruiser.mjs packages apps tooling`.
import { readdirSync, readFileSync } from "node:fs";
import { layers } from "./layers.mjs";

/** The sources that packages export: the only ones that others may import. */
const exported = readdirSync("packages").flatMap((name) => {
  const { exports } = JSON.parse(readFileSync(`packages/${name}/package.json`, "utf8"));
  return Object.values(exports).flatMap(
    ({ "@dilated/source": file }) => file?.replace(/^\./, `^packages/${name}`) ?? [],
  );
});

/** Sources that only tests run; packages do not publish them. */
const testOnly = "\\.test\\.ts$|\\.cases\\.ts$|/test-utils/";
const shipped = { path: "^packages/[^/]+/src/", pathNot: testOnly };

const layerRules = Object.entries(layers).map(([layer, allowed]) => ({
  name: `layer-${layer}`,
  comment: `${layer} may import ${allowed.join(", ") || "none of our packages"}`,
  severity: "error",
  from: { path: `^packages/${layer}/` },
  to: { path: "^packages/([^/]+)/", pathNot: `^packages/(${[layer, ...allowed].join("|")})/` },
}));

export default {
  forbidden: [
    ...layerRules,
    {
      name: "no-deep-imports",
      comment: "a package is imported by its name, through what its package.json exports",
      severity: "error",
      from: { path: "^(packages/[^/]+|apps/[^/]+|tooling/[^/]+)/" },
      to: {
        path: "^packages/([^/]+)/",
        pathNot: ["^$1/", ...exported],
      },
    },
    {
      name: "no-apps",
      comment: "nothing imports an application",
      severity: "error",
      from: { path: "^(packages|tooling)/" },
      to: { path: "^apps/" },
    },
    {
      name: "no-tests-in-packages",
      comment: "what a package ships imports neither the test helpers nor its own tests",
      severity: "error",
      from: shipped,
      to: { path: `^tooling/|${testOnly}` },
    },
    {
      name: "no-circular",
      comment: "types may refer to each other, values not: a circle of values runs in an order that nobody chose",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "not-to-unresolvable",
      comment: "but for the benchmark's peers, which are installed for a benchmark only, and WebAssembly not yet built",
      severity: "error",
      from: { pathNot: "^apps/bench/peers/" },
      to: { couldNotResolve: true, pathNot: "\\.wasm$" },
    },
    {
      name: "only-declared",
      comment: "what a package ships must be in its dependencies",
      severity: "error",
      from: shipped,
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"], dependencyTypesNot: ["npm-peer"] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    exclude: { path: "(^|/)(dist|build|assembly)/" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@dilated/source", "node", "import", "types"],
    },
  },
};
