import { expect, test } from "vitest";
import { formatProfile } from "./format.ts";
import { summarise } from "./profile.ts";
import { quantumOf } from "./quantum.ts";

const host = new Map([
  ["matmul", { launches: 2, ms: 0.5 }],
  ["softmax", { launches: 1, ms: 0.25 }],
]);
const spans = [
  { name: "softmax", begin: 10, end: 11 },
  { name: "matmul", begin: 12, end: 15 },
  { name: "matmul", begin: 15, end: 17 },
  { name: "copy", begin: 17, end: 17.5 },
];

test("sums by kernel, longest first; the span counts gaps", () => {
  const profile = summarise({ clock: "timestamp-query", quantumMs: 0, spans }, host, "kernels", 20);
  expect(profile).toEqual({
    wallMs: 20,
    deviceMs: 6.5,
    spanMs: 7.5,
    hostMs: 0.75,
    clock: "timestamp-query",
    quantumMs: 0,
    kernels: [
      { name: "matmul", launches: 2, deviceMs: 5, hostMs: 0.5 },
      { name: "softmax", launches: 1, deviceMs: 1, hostMs: 0.25 },
      { name: "copy", launches: 1, deviceMs: 0.5, hostMs: 0 },
    ],
  });
});

test("stretches have no kernel; without a clock only the host's side is known", () => {
  const stretch = [{ name: "", begin: 1, end: 4 }];
  const total = summarise({ clock: "timestamp-query", quantumMs: 0.1, spans: stretch }, host, "total", 5);
  expect(total).toMatchObject({ deviceMs: 3, spanMs: 3 });
  expect(total.kernels.map(({ name, launches, deviceMs }) => [name, launches, deviceMs])).toEqual([
    ["matmul", 2, undefined],
    ["softmax", 1, undefined],
  ]);
  expect(summarise({ clock: "none", quantumMs: 0, spans: [] }, host, "kernels", 5)).toMatchObject({
    deviceMs: undefined,
    spanMs: undefined,
    kernels: [{ name: "matmul", launches: 2, deviceMs: undefined }, { name: "softmax" }],
  });
});

test("nothing queued", () => {
  const profile = summarise({ clock: "wall", quantumMs: 0, spans: [] }, new Map(), "kernels", 1);
  expect(profile).toMatchObject({ deviceMs: 0, spanMs: 0, hostMs: 0, kernels: [] });
  expect(formatProfile(profile)).toContain("total");
});

test("what a launch takes on the processor is apart from what queueing it takes", () => {
  const timing = { clock: "wall", quantumMs: 0, spans: [{ name: "matmul", begin: 0, end: 0.4 }] } as const;
  expect(summarise(timing, new Map([["matmul", { launches: 1, ms: 0.5 }]]), "kernels", 1).hostMs).toBeCloseTo(0.5);
});

test("the step that timestamps are rounded to", () => {
  expect(quantumOf([100_000n, 300_000n, 0n])).toBe(100_000);
  expect(quantumOf([65_536n, 6_553_600_000n + 65_536n])).toBe(65_536);
  expect(quantumOf([1_000_032n, 1_000_064n])).toBe(0);
  expect(quantumOf([100_000n, 100_000n])).toBe(0);
});

test("as a table", () => {
  const text = formatProfile(summarise({ clock: "timestamp-query", quantumMs: 0.1, spans }, host, "kernels", 20));
  expect(text.split("\n")).toEqual([
    "kernel   launches  device ms    share  host ms",
    "matmul          2      5.000   76.9 %    0.500",
    "softmax         1      1.000   15.4 %    0.250",
    "copy            1      0.500    7.7 %    0.000",
    "total           4      6.500  100.0 %    0.750",
    "wall 20.000 ms, device span 7.500 ms, clock timestamp-query, rounded to 0.1000 ms",
  ]);
});
