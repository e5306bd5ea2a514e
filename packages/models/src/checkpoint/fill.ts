import { f16ToF32, sameShape, type Tensor } from "@dilated/core";
import type { StateProblem } from "../torchscale/report.ts";
import type { StateTensor } from "../torchscale/state.ts";

/** A parameter that waits for its array. */
export interface Slot {
  readonly name: string;
  readonly tensor: Tensor;
  /** Rows of the array that come before the parameter's. @defaultValue 0 */
  readonly skip?: number;
  /** The array in the parameter's shape, where it is stored in another. @defaultValue the array as it is */
  readonly adapt?: (array: StateTensor) => StateTensor;
}

/** Parameters being filled from arrays, in whatever order and from however many files these come. */
export interface Filling {
  /** Writes an array into the parameter of its name. */
  put(name: string, array: StateTensor): void;
  /** Notes an array that belongs to no parameter. */
  reject(name: string): void;
  /** Everything that did not fit: parameters first, in their order, and then arrays that no parameter is named like. */
  problems(): StateProblem[];
}

export function openFilling(slots: readonly Slot[]): Filling {
  const byName = new Map(slots.map((slot) => [slot.name, slot]));
  const faults = new Map<string, string>(slots.map(({ name }) => [name, "missing"]));
  const unexpected: StateProblem[] = [];
  const reject = (name: string): void => void unexpected.push({ name, problem: "unexpected" });
  return {
    reject,
    put(name, array) {
      const slot = byName.get(name);
      if (!slot) return reject(name);
      const fault = faults.has(name) ? fill(slot, slot.adapt?.(array) ?? array) : "is there twice";
      if (fault === undefined) faults.delete(name);
      else faults.set(name, fault);
    },
    problems() {
      const misfits = slots.flatMap(({ name, tensor, skip = 0 }) => {
        const problem = faults.get(name);
        const [rows = 0, ...rest] = tensor.shape;
        return problem === undefined
          ? []
          : [{ name, problem, expected: skip > 0 ? [rows + skip, ...rest] : tensor.shape }];
      });
      return [...misfits, ...unexpected];
    },
  };
}

/** Says what is wrong where the array does not fit, and writes nothing then. */
function fill({ tensor, skip = 0 }: Slot, array: StateTensor): string | undefined {
  const [rows = 1, ...rest] = tensor.shape;
  const expected = skip > 0 ? [rows + skip, ...rest] : tensor.shape;
  const width = rest.reduce((product, axis) => product * axis, 1);
  if (!sameShape(array.shape, expected)) return `is [${array.shape.join(", ")}]`;
  const size = tensor.size + skip * width;
  if (array.data.length !== size) return `holds ${array.data.length} values`;
  const values = floatsOf(array);
  tensor.device.write(tensor, skip === 0 ? values : values.subarray(skip * width));
  return undefined;
}

/** The numbers of an array; f16 words widened. */
export function floatsOf({ dtype, data }: StateTensor): Float32Array {
  if (dtype === "f16") return f16ToF32(data instanceof Uint16Array ? data : Uint16Array.from(data));
  return data instanceof Float32Array ? data : Float32Array.from(data);
}
