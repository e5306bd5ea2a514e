import { fc, test as property } from "@fast-check/vitest";
import { expect } from "vitest";
import { Fifo } from "./fifo.ts";

property.prop([fc.array(fc.oneof(fc.nat(), fc.constant("shift" as const)), { maxLength: 300 })], { numRuns: 50 })(
  "gives what an array would",
  (steps) => {
    const fifo = new Fifo<number>();
    const array: number[] = [];
    for (const step of steps) {
      if (step === "shift") expect(fifo.shift()).toBe(array.shift());
      else {
        fifo.push(step);
        array.push(step);
      }
      expect([fifo.length, fifo.first]).toEqual([array.length, array[0]]);
    }
    expect(fifo.clear()).toEqual(array);
    expect(fifo.length).toBe(0);
  },
);
