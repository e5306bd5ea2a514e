import { bad, quote } from "./errors.ts";
import { describe, type PickleMap, type PickleValue } from "./values.ts";

/** Bounds on what a pickle may ask for; a checkpoint of 30,000 tensors with two moments each stays below them. Objects: dictionaries and byte strings. */
const MOST = { instructions: 4_000_000, objects: 400_000, longBytes: 256, steps: 10_000, stepsPerByte: 8 } as const;

/** What the file may refer to. */
export interface Environment {
  /** The value of `module.name`; throws for whatever is not on the allow-list. */
  readonly find: (module: string, name: string) => PickleValue;
  /** The storage that a persistent id names. */
  readonly load: (id: PickleValue) => PickleValue;
}

/** State of pickle's stack machine. Every read and pop is checked; nothing is allocated that the file does not hold. */
export class Machine {
  readonly environment: Environment;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack where groups begin. */
  readonly #marks: number[] = [];
  /** An array, not a Map: its hashes are seeded, so that chosen numbers cannot collide. */
  readonly #memo: PickleValue[] = [];
  #kept = 0;
  #at = 0;
  #instructions = 0;
  #objects = 0;
  #steps = 0;

  constructor(bytes: Uint8Array, environment: Environment) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.environment = environment;
  }

  opcode(): number {
    this.#instructions += 1;
    if (this.#instructions > MOST.instructions) throw bad(`the pickle has more than ${MOST.instructions} instructions`);
    return this.u8();
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  u64(): number {
    const low = this.u32();
    return low + this.u32() * 2 ** 32;
  }

  /** Floats are big-endian, alone among pickle's numbers. */
  f64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** Two's complement, least byte first. */
  long(length: number): number | bigint {
    if (length > MOST.longBytes) throw bad(`an integer of ${length} bytes; at most ${MOST.longBytes} are read`);
    const bytes = this.take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
    const signed = BigInt.asIntN(8 * length, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  take(length: number): Uint8Array {
    const begin = this.#advance(length);
    return this.#bytes.subarray(begin, begin + length);
  }

  text(length: number): string {
    return decode(this.take(length));
  }

  /** Text up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw bad("a name in the pickle does not end");
    const text = this.text(end - this.#at);
    this.#at = end + 1;
    return text;
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  newMap(): PickleMap {
    this.#count();
    return new Map();
  }

  byteString(length: number): Uint8Array {
    this.#count();
    return this.take(length);
  }

  pop(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw bad("the pickle takes a value from an empty stack");
    return this.#stack.pop() as PickleValue;
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  /** Counts steps that an instruction takes beyond its own bytes: a short one may ask for many over a value that it shares. */
  spend(steps: number): void {
    this.#steps += steps;
    const most = MOST.steps + MOST.stepsPerByte * this.#bytes.length;
    if (this.#steps > most)
      throw bad(`the pickle asks for more than ${most} steps, ${MOST.stepsPerByte} for each of its bytes`);
  }

  popList(): PickleValue[] {
    const value = this.pop();
    if (Array.isArray(value)) return value;
    throw bad(`the pickle takes ${describe(value)} for a list or tuple`);
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** Everything since the last mark. */
  popGroup(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw bad("the pickle ends a group that it did not begin");
    return this.#stack.splice(mark);
  }

  /** Remembers the top of the stack. @param index - the next one, unless given */
  keep(index: number = this.#kept): void {
    if (index > MOST.instructions) throw bad(`the pickle keeps a value as number ${index}`);
    this.#memo[index] = this.top();
    this.#kept += 1;
  }

  recall(index: number): void {
    const value = this.#memo[index];
    if (value === undefined) throw bad(`the pickle recalls value ${index}, which it did not keep`);
    this.push(value);
  }

  #count(): void {
    this.#objects += 1;
    if (this.#objects > MOST.objects)
      throw bad(`the pickle makes more than ${MOST.objects} dictionaries and byte strings`);
  }

  #advance(length: number): number {
    const begin = this.#at;
    if (length > this.#bytes.length - begin)
      throw bad(
        `the pickle ends ${length - (this.#bytes.length - begin)} bytes early`,
        "download or write the file again",
      );
    this.#at += length;
    return begin;
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad(`text in the pickle is not UTF-8: ${quote(new TextDecoder().decode(bytes.subarray(0, 40)))}`);
  }
}
