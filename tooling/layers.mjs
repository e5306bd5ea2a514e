// The layer map of DESIGN: what each package may import. dependency-cruiser, the tests and (in its own words) turbo.json follow it.

/** @type {Record<string, string[]>} */
export const layers = {
  core: [],
  kernels: ["core"],
  ring: ["core", "kernels"],
  sparse: ["core", "kernels"],
  models: ["core", "kernels", "ring", "sparse"],
  dilated: ["core", "kernels", "ring", "sparse", "models"],
};

/** @param {string} layer The name that its package is published under. */
export const packageName = (layer) => (layer === "dilated" ? layer : `@dilated/${layer}`);
