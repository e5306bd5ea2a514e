import { DeviceError } from "../errors/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeHandles } from "../tensor/tree.ts";

/** The stack of open scopes of one device: each collects the tensors made while it is the innermost. */
export class ScopeStack {
  readonly #open: Set<Tensor>[] = [];

  /** Called for each new tensor. */
  track(tensor: Tensor): void {
    this.#open.at(-1)?.add(tensor);
  }

  /**
   * Runs `work`; then disposes of every tensor made inside it that is not in its result, which moves to the scope
   * around. Where it throws, nothing is kept.
   */
  run<R>(work: () => R, keep: "result" | "all" = "result"): R {
    const made = new Set<Tensor>();
    this.#open.push(made);
    let result: R;
    try {
      result = work();
      if (result instanceof Promise) {
        result.catch(() => {});
        throw new DeviceError("scope: the function is async, and a scope cannot follow what runs after an await", {
          fix: "queue the work in a synchronous scope, return the tensors, and await their data outside",
        });
      }
    } catch (error) {
      this.#open.pop();
      for (const tensor of made) tensor.dispose();
      throw error;
    }
    this.#open.pop();
    const kept = new Set(keep === "all" ? made : treeHandles(result as Tree));
    for (const tensor of made) {
      if (kept.has(tensor)) this.track(tensor);
      else tensor.dispose();
    }
    return result;
  }
}
