import { expect, test } from "vitest";
import { choose, nameOf, observe, suggest, tuned, withVariant } from "./choice.ts";
import { fakeDevice } from "./test-utils/fake-device.ts";

const variants = [{ rows: 2 }, { rows: 4 }, { rows: 8 }];

test("the first variant is the default, and each device has choices of its own", () => {
  const [one, other] = [fakeDevice(), fakeDevice()];
  expect(tuned(one, "k", variants)).toBe(variants[0]);
  choose(one, "k", variants[2]);
  expect(tuned(one, "k", variants)).toBe(variants[2]);
  expect(tuned(one, "other", variants)).toBe(variants[0]);
  expect(tuned(other, "k", variants)).toBe(variants[0]);
  choose(one, "k", undefined);
  expect(tuned(one, "k", variants)).toBe(variants[0]);
});

test("a suggestion holds where it is on offer, and a choice is stronger", () => {
  const device = fakeDevice();
  suggest(device, "k", "rows=4");
  expect(tuned(device, "k", variants)).toBe(variants[1]);
  expect(tuned(device, "k", variants.slice(2))).toBe(variants[2]);
  choose(device, "k", variants[2]);
  expect(tuned(device, "k", variants)).toBe(variants[2]);
  choose(device, "k", undefined);
  suggest(device, "k", undefined);
  expect(tuned(device, "k", variants)).toBe(variants[0]);
});

test("withVariant ends with its work, also when that throws", () => {
  const device = fakeDevice();
  choose(device, "k", variants[1]);
  expect(withVariant(device, "k", variants[2], () => tuned(device, "k", variants))).toBe(variants[2]);
  const fail = () => {
    throw new Error("no");
  };
  expect(() => withVariant(device, "k", variants[2], fail)).toThrow("no");
  expect(tuned(device, "k", variants)).toBe(variants[1]);
});

test("observe tells what was asked for", () => {
  const device = fakeDevice();
  tuned(device, "before", variants);
  expect([...observe(device, () => void tuned(device, "k", variants))]).toEqual([["k", variants]]);
});

test("names do not depend on the order of fields", () => {
  expect(nameOf({ b: 2, a: true })).toBe("a=true b=2");
  expect(nameOf("64x64")).toBe("64x64");
});
