import { checkCall, type Device, field } from "@dilated/core";
import * as choice from "./choice.ts";

const ARGUMENTS = {
  device: field.device(),
  key: field.string(),
  variants: field.custom("a list of at least one variant", (value) => Array.isArray(value) && value.length > 0),
};

/**
 * The variant chosen for `key` on this device, or the first of `variants`: the default, good without tuning. Calling
 * this is all that makes a kernel tunable. Variants are plain data (a name, or an object of numbers); every one of them
 * must run on this device and give the same result.
 *
 * @param key - names what one choice is good for: kernel, shape class
 * @throws ConfigError for a list without variants.
 */
export function tuned<V>(device: Device, key: string, variants: readonly V[]): V {
  checkCall("tuned", ARGUMENTS, arguments);
  return choice.tuned(device, key, variants);
}
