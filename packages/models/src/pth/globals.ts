import { bad, quote } from "./errors.ts";
import { encodeLatin1, numpyDtype, numpyScalar } from "./numpy.ts";
import { rebuildParameter, rebuildTensor } from "./rebuild.ts";
import { STORED_TYPES } from "./storage-types.ts";
import { describe, type PickleFunction, type PickleValue } from "./values.ts";

/**
 * Everything that a file may name. What torch's own `weights_only` loader allows and checkpoints of LongNet, LongViT and Prov-GigaPath hold: dictionaries,
 * tensors, sizes, devices, sets, the Namespace of a script's arguments, and numpy's scalars. Each stands for data; none runs code of the file's choosing.
 */
const FUNCTIONS: Readonly<Record<string, PickleFunction["call"]>> = {
  "collections.OrderedDict": (args, newMap) => empty("collections.OrderedDict", args) ?? newMap(),
  "argparse.Namespace": (args, newMap) => empty("argparse.Namespace", args) ?? newMap(),
  "torch._utils._rebuild_tensor": rebuildTensor,
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_parameter": rebuildParameter,
  "torch.Size": ([sizes = null]) => sizes,
  "torch.device": device,
  "builtins.set": ([items = []]) => items,
  "builtins.frozenset": ([items = []]) => items,
};

const NUMPY: Readonly<Record<string, PickleFunction>> = {
  "numpy.dtype": numpyDtype,
  "numpy.core.multiarray.scalar": numpyScalar,
  "numpy._core.multiarray.scalar": numpyScalar,
  "_codecs.encode": encodeLatin1,
};

const DTYPES = new Set([
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint8",
  "bool",
]);

/** The stand-in for `module.name`. Storages and dtypes are of module `torch`; Python 2 called builtins `__builtin__`. */
export function findGlobal(module: string, name: string): PickleValue {
  const path = `${module === "__builtin__" ? "builtins" : module}.${name}`;
  if (Object.hasOwn(FUNCTIONS, path))
    return { kind: "function", name: path, call: FUNCTIONS[path] as PickleFunction["call"] };
  if (Object.hasOwn(NUMPY, path)) return NUMPY[path] as PickleFunction;
  if (module === "torch" && Object.hasOwn(STORED_TYPES, name))
    return { kind: "storage-type", name, type: STORED_TYPES[name] as never };
  if (module === "torch" && DTYPES.has(name)) return path;
  throw bad(
    `the file names ${quote(path)}, which is not on the list of what is read`,
    "load it in Python and save what you need of it: torch.save(model.state_dict(), file)",
    [
      `read: ${[...Object.keys(FUNCTIONS), ...Object.keys(NUMPY)].join(", ")}`,
      `and of torch: ${Object.keys(STORED_TYPES).join(", ")}, and its dtypes`,
    ],
  );
}

/** `torch.device("cuda", 0)`: a short name and a number. Anything else could be a value that stands for many, or a text that grows with every call. */
function device([type, index, ...rest]: readonly PickleValue[]): string {
  const isName = typeof type === "string" && type.length <= 32;
  if (!isName || rest.length > 0 || !(index === undefined || index === null || typeof index === "number")) {
    throw bad(`torch.device of ${describe(type)} and ${describe(index)} is not read`);
  }
  return typeof index === "number" ? `${type}:${index}` : type;
}

function empty(name: string, args: readonly PickleValue[]): undefined {
  if (args.length > 0) throw bad(`${name} with arguments is not read`);
  return undefined;
}
