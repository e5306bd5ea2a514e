import { ConfigError, checkParameters, DisposedError, DtypeError, treeEntries } from "@dilated/core";

/**
 * Refuses a tree that an optimiser cannot step: what is no tensor, was disposed of or is not f32, and tensors that lie
 * in one memory without being one (`reshape`, `stopGradient`), which would be stepped twice and saved twice. One
 * tensor, or an alias of it, may have several names.
 *
 * @throws ConfigError, DisposedError, DtypeError that name the path.
 */
export function checkWeights(caller: string, parameters: unknown, name = "parameters"): void {
  checkParameters(caller, parameters, name);
  const owners = new Map<object, string>();
  for (const [path, tensor] of treeEntries(parameters, name)) {
    if (tensor.disposed) {
      throw new DisposedError(`${caller}: ${path} was disposed of`, {
        fix: "keep parameters alive as long as they are trained",
      });
    }
    if (tensor.dtype !== "f32") {
      throw new DtypeError(`${caller}: ${path} must be f32`, {
        details: [`${path}: ${String(tensor)}`],
        fix: 'leave it out of the parameters, or make it f32; precision: "mixed" computes in f16',
      });
    }
    const owner = owners.get(tensor.storage);
    if (owner !== undefined) {
      throw new ConfigError(`${caller}: ${path} lies in the memory of ${owner}`, {
        details: ["both would be stepped, each as if it were alone"],
        fix: "tie weights by one tensor under both names, and reshape it inside the loss",
      });
    }
    owners.set(tensor.storage, path);
  }
}
