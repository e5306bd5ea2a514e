import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { parseBench, REPORTED } from "./options.ts";

test("one suite, several, or a report of all of them", () => {
  expect(parseBench(["matmul", "--sizes", "64,128"])).toMatchObject({
    suites: ["matmul"],
    sizes: [64, 128],
    html: undefined,
  });
  expect(parseBench(["tune", "attention"]).suites).toEqual(["tune", "attention"]);
  expect(parseBench(["train", "memory", "--no-peers"])).toMatchObject({ suites: ["train", "memory"], peers: false });
  expect(parseBench(["report"])).toMatchObject({
    suites: REPORTED,
    html: "bench-report.html",
    variants: ["default", "fast"],
  });
  expect(parseBench(["report", "--suites", "matmul", "--html", "x.html", "--budget", "60", "--quick"])).toMatchObject({
    suites: ["matmul"],
    html: "x.html",
    budget: 60,
    quick: true,
  });
});

test("names every bad flag at once", () => {
  const bad = ["latency", "--backend", "cuda", "--sizes", "8", "--budget", "0", "--variants", "slow", "--tier", "best"];
  expect(() => parseBench(bad)).toThrow(/latency.*cuda.*best.*slow.*--sizes 8.*--budget 0/s);
  expect(() => parseBench([])).toThrow(/no suite/);
  expect(() => parseBench(["report", "matmul"])).toThrow(ConfigError);
  expect(() => parseBench(["report", "--nose"])).toThrow(/nose/);
  expect(() => parseBench(["merge"])).toThrow(/the files that --json wrote.*needs --json/s);
});

test("unknown names get the nearest known one", () => {
  expect(() => parseBench(["report", "--suits", "matmul", "--bugdet=3"])).toThrow(
    /--suits is not known; did you mean --suites\?.*--bugdet is not known; did you mean --budget\?/s,
  );
  expect(() => parseBench(["atention"])).toThrow(/suite atention is not known; did you mean attention\?/);
  expect(() => parseBench(["zzzzzzzz"])).toThrow(/suite zzzzzzzz is not known\. Known are tune, attention/);
});
