import type { Parts } from "../parts.ts";
import { bad } from "./errors.ts";
import { type Environment, Machine } from "./machine.ts";
import { INSTRUCTIONS } from "./opcodes.ts";
import type { PickleValue } from "./values.ts";

const STOP = 0x2e;
/** Instructions between two chances of a pause: about a millisecond. */
const PART = 4096;

/**
 * Interprets a pickle. Nothing is imported and no code runs: what the pickle names is looked up in `environment`, which knows a fixed list.
 *
 * @throws FormatError for anything but a well-formed pickle of protocol 2 to 5 that stays on the list.
 * @see Python's `pickletools`, PEP 307, 3154 and 574
 */
export function* unpickle(bytes: Uint8Array, environment: Environment): Parts<PickleValue> {
  const machine = new Machine(bytes, environment);
  let count = 0;
  for (let opcode = machine.opcode(); opcode !== STOP; opcode = machine.opcode()) {
    const instruction = INSTRUCTIONS.get(opcode);
    if (!instruction) throw bad(`the pickle holds the instruction 0x${opcode.toString(16)}, which is not read`);
    instruction(machine);
    if (++count % PART === 0) yield;
  }
  return machine.pop();
}
