import { bad } from "./errors.ts";
import type { Machine } from "./machine.ts";
import { describe, keyText, kindOf, type PickleFunction, type PickleValue } from "./values.ts";

type Instruction = (machine: Machine) => void;

/** Instructions of pickle protocols 2 to 5, but STOP; those of protocol 0 and 1, extensions and out-of-band buffers are left out. */
export const INSTRUCTIONS: ReadonlyMap<number, Instruction> = new Map<number, Instruction>([
  [0x80, (m) => protocol(m.u8())], // PROTO
  [0x95, (m) => void m.u64()], // FRAME: a hint for readers of streams
  [0x28, (m) => m.mark()], // MARK
  [0x30, (m) => void m.pop()], // POP
  [0x31, (m) => void m.popGroup()], // POP_MARK
  [0x32, (m) => m.push(m.top())], // DUP

  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.i32())], // BININT
  [0x4b, (m) => m.push(m.u8())], // BININT1
  [0x4d, (m) => m.push(m.u16())], // BININT2
  [0x8a, (m) => m.push(m.long(m.u8()))], // LONG1
  [0x8b, (m) => m.push(m.long(m.u32()))], // LONG4
  [0x47, (m) => m.push(m.f64())], // BINFLOAT

  [0x58, (m) => m.push(m.text(m.u32()))], // BINUNICODE
  [0x8c, (m) => m.push(m.text(m.u8()))], // SHORT_BINUNICODE
  [0x8d, (m) => m.push(m.text(m.u64()))], // BINUNICODE8
  [0x54, (m) => m.push(m.text(m.u32()))], // BINSTRING: Python 2's
  [0x55, (m) => m.push(m.text(m.u8()))], // SHORT_BINSTRING
  [0x42, (m) => m.push(m.byteString(m.u32()))], // BINBYTES
  [0x43, (m) => m.push(m.byteString(m.u8()))], // SHORT_BINBYTES
  [0x8e, (m) => m.push(m.byteString(m.u64()))], // BINBYTES8
  [0x96, (m) => m.push(m.byteString(m.u64()))], // BYTEARRAY8

  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x85, (m) => tuple(m, 1)], // TUPLE1
  [0x86, (m) => tuple(m, 2)], // TUPLE2
  [0x87, (m) => tuple(m, 3)], // TUPLE3
  [0x74, (m) => m.push(m.popGroup())], // TUPLE
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x61, (m) => append(m, [m.pop()])], // APPEND
  [0x65, (m) => append(m, m.popGroup())], // APPENDS
  [0x8f, (m) => m.push([])], // EMPTY_SET
  [0x90, (m) => append(m, m.popGroup())], // ADDITEMS
  [0x91, (m) => m.push(m.popGroup())], // FROZENSET
  [0x7d, (m) => m.push(m.newMap())], // EMPTY_DICT
  [0x73, (m) => setItems(m, [m.pop(), m.pop()].reverse())], // SETITEM
  [0x75, (m) => setItems(m, m.popGroup())], // SETITEMS

  [0x71, (m) => m.keep(m.u8())], // BINPUT
  [0x72, (m) => m.keep(m.u32())], // LONG_BINPUT
  [0x94, (m) => m.keep()], // MEMOIZE
  [0x68, (m) => m.recall(m.u8())], // BINGET
  [0x6a, (m) => m.recall(m.u32())], // LONG_BINGET

  [0x63, (m) => m.push(m.environment.find(m.line(), m.line()))], // GLOBAL
  [0x93, stackGlobal], // STACK_GLOBAL
  [0x51, (m) => m.push(m.environment.load(m.pop()))], // BINPERSID
  [0x52, call], // REDUCE
  [0x81, call], // NEWOBJ: no class of the allow-list tells it from a call
  [0x62, build], // BUILD
]);

function protocol(version: number): void {
  if (version < 2 || version > 5) throw bad(`the pickle is of protocol ${version}; 2 to 5 are read`);
}

function tuple(m: Machine, length: number): void {
  const values = Array.from({ length }, () => m.pop());
  m.push(values.reverse());
}

function append(m: Machine, values: readonly PickleValue[]): void {
  const list = m.popList();
  for (const value of values) list.push(value);
  m.push(list);
}

function setItems(m: Machine, pairs: readonly PickleValue[]): void {
  const map = m.top();
  if (!(map instanceof Map) || pairs.length % 2 === 1) throw bad(`the pickle sets items of ${describe(map)}`);
  for (let i = 0; i < pairs.length; i += 2) {
    const key = keyText(pairs[i] as PickleValue);
    if (key === undefined) throw bad(`a dictionary of the pickle has ${describe(pairs[i])} as key`);
    map.set(key, pairs[i + 1] as PickleValue);
  }
}

function stackGlobal(m: Machine): void {
  const [name, module] = [m.pop(), m.pop()];
  if (typeof name !== "string" || typeof module !== "string")
    throw bad("a global of the pickle has a name that is no text");
  m.push(m.environment.find(module, name));
}

function call(m: Machine): void {
  const args = m.popList();
  const callee = m.pop();
  if (kindOf(callee) !== "function") throw bad(`the pickle calls ${describe(callee)}`);
  m.push((callee as PickleFunction).call(args, () => m.newMap()));
}

/** State of an object: attributes of a Namespace become entries, torch's `_metadata` (versions of modules) is dropped. */
function build(m: Machine): void {
  const state = m.pop();
  const object = m.top();
  if (object instanceof Map && state instanceof Map) {
    m.spend(state.size);
    for (const [key, value] of state) if (key !== "_metadata") object.set(key, value);
  } else if (kindOf(object) === "numpy" && Array.isArray(state) && typeof state[1] === "string") {
    (object as { order: string }).order = state[1];
  } else throw bad(`the pickle gives ${describe(object)} the state ${describe(state)}`);
}
