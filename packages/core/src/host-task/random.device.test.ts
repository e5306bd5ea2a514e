import { openTestDevice, share } from "@dilated-internal/testing";
import { fc } from "@fast-check/vitest";
import { expect, inject, test } from "vitest";
import type { Device } from "../device/device.ts";
import { accumulate } from "../ops/accumulate.ts";
import { fill } from "../ops/fill.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type HostTask, hostTask } from "./host-task.ts";

// Random programs of kernels and host tasks over a few tensors, against the same done one after another on the host.

const TENSORS = 4;
const SIZE = 3;
const index = fc.nat(TENSORS - 1);

/** A step of a program; tensors are numbered. */
type Step =
  | { readonly kind: "fill"; readonly to: number; readonly value: number }
  | { readonly kind: "write"; readonly to: number; readonly value: number }
  | { readonly kind: "add"; readonly to: number; readonly from: number }
  | { readonly kind: "copy"; readonly to: number; readonly from: number }
  /** to = from + other, on the host; `turns` of the event loop later. */
  | {
      readonly kind: "start";
      readonly from: number;
      readonly other: number;
      readonly to: number;
      readonly turns: number;
    }
  /** Waits for the oldest task that nobody has waited for. */
  | { readonly kind: "wait" }
  | { readonly kind: "read"; readonly from: number; readonly awaited: boolean };

const value = fc.integer({ min: -9, max: 9 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("fill" as const), to: index, value }),
  fc.record({ kind: fc.constant("write" as const), to: index, value }),
  fc.record({ kind: fc.constant("add" as const), to: index, from: index }),
  fc.record({ kind: fc.constant("copy" as const), to: index, from: index }),
  fc.record({ kind: fc.constant("start" as const), from: index, other: index, to: index, turns: fc.nat(3) }),
  fc.record({ kind: fc.constant("wait" as const) }),
  fc.record({ kind: fc.constant("read" as const), from: index, awaited: fc.boolean() }),
);

/** The values of every read, in order, and of all tensors at the end. */
function onHost(program: readonly Step[]): number[][] {
  const tensors: Float32Array[] = Array.from({ length: TENSORS }, (_, i) => new Float32Array(SIZE).fill(i));
  const started: { readonly to: number; readonly values: Float32Array }[] = [];
  const read: number[][] = [];
  const at = (i: number): Float32Array => tensors[i] as Float32Array;
  const wait = (): void => {
    const task = started.shift();
    if (task) tensors[task.to] = task.values;
  };
  for (const one of program) {
    if (one.kind === "fill" || one.kind === "write") at(one.to).fill(one.value);
    else if (one.kind === "add") tensors[one.to] = at(one.to).map((x, i) => x + (at(one.from)[i] as number));
    else if (one.kind === "copy") tensors[one.to] = at(one.from).slice();
    else if (one.kind === "start")
      started.push({ to: one.to, values: at(one.from).map((x, i) => x + (at(one.other)[i] as number)) });
    else if (one.kind === "wait") wait();
    else read.push([...at(one.from)]);
  }
  while (started.length > 0) wait();
  return [...read, ...tensors.map((tensor) => [...tensor])];
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

async function onDevice(device: Device, program: readonly Step[]): Promise<number[][]> {
  const tensors: Tensor[] = Array.from({ length: TENSORS }, (_, i) => device.full([SIZE], i));
  const started: { readonly to: number; readonly task: HostTask }[] = [];
  const read: Promise<ArrayLike<number>>[] = [];
  const at = (i: number): Tensor => tensors[i] as Tensor;
  const replace = (i: number, tensor: Tensor): void => {
    at(i).dispose();
    tensors[i] = tensor;
  };
  const wait = (): void => {
    const next = started.shift();
    if (next) replace(next.to, next.task.wait()[0] as Tensor);
  };
  const start = ({ from, other, turns, to }: Step & { kind: "start" }): void => {
    const task = hostTask(device, {
      inputs: [at(from), at(other)],
      outputs: [{ shape: [SIZE] }],
      work: async ([a, b]) => {
        for (let i = 0; i < turns; i++) await turn();
        return [Array.from(a?.data ?? [], (x, i) => x + (b?.data[i] as number))];
      },
    });
    started.push({ to, task });
  };
  for (const one of program) {
    if (one.kind === "fill") fill(at(one.to), one.value);
    else if (one.kind === "write") device.write(at(one.to), new Float32Array(SIZE).fill(one.value));
    else if (one.kind === "add") replace(one.to, accumulate(at(one.to), at(one.from)));
    else if (one.kind === "copy") device.copy(at(one.from), at(one.to));
    else if (one.kind === "start") start(one);
    else if (one.kind === "wait") wait();
    else {
      const data = at(one.from).data();
      read.push(data);
      if (one.awaited) await data;
    }
  }
  while (started.length > 0) wait();
  const values = await Promise.all([...read, ...tensors.map((tensor) => tensor.data())]);
  for (const tensor of tensors) tensor.dispose();
  return values.map((data) => [...Array.from(data)]);
}

const KINDS = inject("backend") === "wasm" ? [{ threads: 1 }, { threads: 2 }] : [{}];

test.each(KINDS)("random programs give what they give one step after another: %o", async (options) => {
  using device = await openTestDevice(options);
  const { live } = device.stats();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 24 }), async (program) => {
      expect(await onDevice(device, program)).toEqual(onHost(program));
    }),
    { ...share(1000 / KINDS.length), endOnFailure: true },
  );
  await device.sync();
  expect(device.stats().live).toBe(live);
});
