import {
  ConfigError,
  DeviceError,
  DtypeError,
  field,
  formatShape,
  type Schema,
  ShapeError,
  sameShape,
  Tensor,
} from "@dilated/core";

/** The arguments of what takes one tensor; see `checkCall`. */
export const ONE_TENSOR: Schema = { x: field.tensor() };

/** Tensors by argument name, as errors list them. */
export type NamedTensors = Readonly<Record<string, Tensor | undefined>>;

/** One line a tensor: `x: f32[2, 3]`. */
export function describe(tensors: NamedTensors): string[] {
  return Object.entries(tensors).flatMap(([name, tensor]) =>
    tensor ? [`${name}: ${tensor.dtype}${formatShape(tensor.shape)}`] : [],
  );
}

/**
 * Throws unless every given value is a tensor of f32 or f16, all on one device.
 *
 * @throws ConfigError, DtypeError, DeviceError
 */
export function checkFloats(caller: string, tensors: NamedTensors): void {
  const given = Object.entries(tensors).filter(([, tensor]) => tensor !== undefined) as [string, Tensor][];
  for (const [name, tensor] of given) {
    if (!(tensor instanceof Tensor)) {
      throw new ConfigError(`${caller}: ${name} must be a Tensor`, {
        details: [`given: ${typeof tensor}`],
        fix: "make one with device.tensor(values, shape)",
      });
    }
    if (tensor.dtype !== "f32" && tensor.dtype !== "f16") {
      throw new DtypeError(`${caller}: ${name} must be f32 or f16`, {
        details: describe(tensors),
        fix: `cast(${name}, "f32")`,
      });
    }
  }
  if (new Set(given.map(([, tensor]) => tensor.device)).size > 1) {
    throw new DeviceError(`${caller}: the tensors live on different devices`, {
      details: describe(tensors),
      fix: "make all of them on one device",
    });
  }
}

/** Throws unless all given tensors have the dtype of the first. */
export function checkSameDtype(caller: string, tensors: NamedTensors): void {
  const given = Object.values(tensors).filter((tensor) => tensor !== undefined);
  if (given.some((tensor) => tensor.dtype !== given[0]?.dtype)) {
    throw new DtypeError(`${caller}: the tensors must have one dtype`, {
      details: describe(tensors),
      fix: "cast() one of them",
    });
  }
}

/** Throws unless all given tensors have the shape of the first. */
export function checkSameShape(caller: string, tensors: NamedTensors): void {
  const given = Object.values(tensors).filter((tensor) => tensor !== undefined);
  if (given.some((tensor) => !sameShape(tensor.shape, given[0]?.shape ?? []))) {
    throw new ShapeError(`${caller}: the tensors must have one shape`, {
      details: describe(tensors),
      fix: "reshape() one of them",
    });
  }
}

/** Throws unless `value` is a finite number for which `holds` is true; `range` says which those are, in words. */
export function checkNumber(
  caller: string,
  name: string,
  value: unknown,
  range: string,
  holds: (value: number) => boolean = () => true,
): void {
  if (typeof value !== "number" || !Number.isFinite(value) || !holds(value)) {
    throw new ConfigError(`${caller}: ${name} must be ${range}`, {
      details: [`given: ${String(value)}`],
      fix: `pass ${range}`,
    });
  }
}
