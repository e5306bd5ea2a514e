import type { Device } from "../device/device.ts";
import { ConfigError } from "../errors/index.ts";
import type { JoinedPlaces } from "../memory/joined.ts";
import { accumulate } from "../ops/accumulate.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { MeanCounts } from "./mean-over.ts";
import type { BackwardCall, DifferentiableOp, ForwardResult, Maybe } from "./op.ts";

/** Gradients by tensor identity. */
export type GradMap = Map<number, Tensor>;

/** One recorded step: how to turn gradients of `outputs` into gradients of `inputs`. */
export interface TapeNode {
  readonly outputs: readonly number[];
  /** Runs backward and adds to `grads`; called only when some output has a gradient. */
  readonly pull: (grads: GradMap) => void;
  /** Frees what was kept for backward. */
  readonly drop: () => void;
}

/** Records differentiable steps in order, and plays them back. Values are known by id, so aliases count as the same tensor. */
export class Tape {
  readonly #nodes: TapeNode[] = [];
  readonly #tracked: Set<number>;
  readonly #outer: Tape | undefined;
  readonly #device: Device;
  readonly #refused = new Set<number>();
  /** Was anything recorded that depends on what the outer tape tracks? */
  usedOuter = false;
  /** What recorded numbers are means over, where somebody wants to know. */
  means: MeanCounts | undefined;
  /** Where gradients of parameters are to lie. */
  places: JoinedPlaces | undefined;

  /** `outer`: ids that it tracks count as tracked here too (recomputation inside a backward pass). */
  constructor(device: Device, roots: Iterable<number>, outer?: Tape) {
    this.#device = device;
    this.#tracked = new Set(roots);
    this.#outer = outer;
  }

  /** Does the loss depend on this tensor through something recorded? */
  tracks(id: number): boolean {
    return this.#tracked.has(id) || (this.#outer?.tracks(id) ?? false);
  }

  /** Results of a gradient taken inside: there are no second derivatives, and a gradient that is silently zero would be wrong. */
  refuse(tensors: readonly Tensor[]): void {
    for (const { id } of tensors) this.#refused.add(id);
  }

  /** Notes one op; does nothing when no input is tracked. */
  record<O>(op: DifferentiableOp<O>, inputs: readonly Maybe<Tensor>[], options: O, result: ForwardResult): void {
    if (inputs.some((input) => input && this.refuses(input.id))) {
      throw new ConfigError(
        `${op.name}: its input comes from a valueAndGrad inside this one, through which no gradient flows`,
        {
          fix: "stopGradient() that value, or differentiate once around everything",
        },
      );
    }
    const needs = inputs.map((input) => input !== undefined && this.tracks(input.id));
    if (!needs.includes(true)) return;
    this.means?.inherit(inputs, result.outputs);
    this.usedOuter ||= inputs.some((input) => input && this.#outer?.tracks(input.id));
    // Handles of the tape's own: backward happens after the scopes inside forward have closed.
    const saved = result.saved.map((tensor) => tensor?.detachedAlias());
    const versions = versionsOf(saved);
    const ids = inputs.map((input) => input?.id);
    const outputs = result.outputs.map((output) => output.id);
    this.push({
      outputs,
      drop: () => {
        for (const tensor of saved) tensor?.dispose();
      },
      pull: (grads) => {
        checkUnchanged(op.name, saved, versions);
        const place = (i: number): Maybe<Tensor> => {
          const id = needs[i] ? ids[i] : undefined;
          return id === undefined || grads.has(id) ? undefined : this.placeOf(id);
        };
        const call: BackwardCall<O> = { saved, grads: outputs.map((id) => grads.get(id)), needs, options, place };
        const found = op.backward(call);
        found.forEach((grad, i) => {
          const id = ids[i];
          if (grad && needs[i] && id !== undefined) addGrad(grads, id, grad);
        });
      },
    });
  }

  /** Notes a step of any kind. */
  push(node: TapeNode): void {
    for (const id of node.outputs) this.#tracked.add(id);
    this.#nodes.push(node);
  }

  /** The place that the gradient of a parameter is to have, for whoever asks first. */
  placeOf(id: number): Maybe<Tensor> {
    return this.places?.take(id) ?? this.#outer?.placeOf(id);
  }

  /** Would a gradient through this tensor have to pass an inner `valueAndGrad`? */
  refuses(id: number): boolean {
    return this.#refused.has(id) || (this.#outer?.refuses(id) ?? false);
  }

  /** Plays the tape backwards, adding to `grads`; gradients of intermediate values are freed as soon as they are used up. */
  backward(grads: GradMap, keepIds: ReadonlySet<number>): void {
    for (let node = this.#nodes.pop(); node; node = this.#nodes.pop()) {
      const { pull, drop } = node;
      try {
        if (node.outputs.some((id) => grads.has(id))) this.#device.scope(() => pull(grads));
      } finally {
        drop();
      }
      for (const id of node.outputs) {
        if (keepIds.has(id)) continue;
        grads.get(id)?.dispose();
        grads.delete(id);
      }
    }
  }

  /** Frees everything kept, without playing back. */
  discard(): void {
    for (let node = this.#nodes.pop(); node; node = this.#nodes.pop()) node.drop();
  }
}

/** How often each tensor had been written. */
export function versionsOf(tensors: readonly Maybe<Tensor>[]): readonly Maybe<number>[] {
  return tensors.map((tensor) => tensor?.storage.version);
}

/** Throws where a tensor that backward needs holds other values than the forward pass saw. */
export function checkUnchanged(op: string, saved: readonly Maybe<Tensor>[], versions: readonly Maybe<number>[]): void {
  const changed = saved.find((tensor, i) => tensor && tensor.storage.version !== versions[i]);
  if (!changed) return;
  throw new ConfigError(`${op}: a tensor that its backward pass needs was written after its forward pass`, {
    details: [String(changed)],
    fix: "write to a copy of it, or after valueAndGrad has returned",
  });
}

/** Adds `grad` to the gradient of `id`. The map holds handles of its own, so that an op may return one tensor for two inputs. */
export function addGrad(grads: GradMap, id: number, grad: Tensor): void {
  const present = grads.get(id);
  if (!present) grads.set(id, grad.detachedAlias());
  else if (present.storage.references === 1) accumulate(present, grad, present);
  else {
    grads.set(id, accumulate(present, grad).detachedAlias());
    present.dispose();
  }
}
