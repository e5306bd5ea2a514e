import { describe, expect, it } from "vitest";
import { commands, invocation, parse } from "./commands.mjs";

const place = { root: "/repo", invokedFrom: "/home/user/data" };

describe("parse", () => {
  it("passes every argument on, in order and untouched", () => {
    expect(parse(["start", "--steps", "10", "a b", "--", "x"]).args).toEqual(["--steps", "10", "a b", "--", "x"]);
  });

  it("drops the one `--` that separates npm's arguments from the program's", () => {
    expect(parse(["start", "--", "--steps", "10"]).args).toEqual(["--steps", "10"]);
  });

  it.each([[[]], [["strat"]], [["toString"]]])("refuses %j and names the commands", (argv: string[]) => {
    expect(() => parse(argv)).toThrow(/there are: start, example, interop, parity, verify, bench, test, check/);
  });
});

describe("example", () => {
  it("takes the name of a folder with a program", () => {
    const { command, args } = parse(["example", "book-lm", "--steps", "10"]);
    expect(command.program).toBe("apps/examples/dist/book-lm/main.js");
    expect(args).toEqual(["--steps", "10"]);
  });

  it.each([[[]], [["shared"]], [["--help"]]])("refuses %j and names the examples", (argv: string[]) => {
    expect(() => parse(["example", ...argv])).toThrow(/unknown example .*there are: book-lm/);
  });
});

describe("invocation", () => {
  it("runs a program where npm was called, so that relative files are found", () => {
    const { command, args } = parse(["parity", "golden.safetensors", "--backend", "wasm"]);
    expect(invocation(command, args, place)).toEqual({
      args: ["/repo/apps/bench/dist/parity.js", "golden.safetensors", "--backend", "wasm"],
      cwd: "/home/user/data",
    });
  });

  it("runs the tests at the root, once, with the user's filters", () => {
    const { command, args } = parse(["test", "--project", "unit"]);
    expect(invocation(command, args, place)).toEqual({
      args: ["/repo/node_modules/vitest/vitest.mjs", "run", "--project", "unit"],
      cwd: "/repo",
    });
  });

  it("takes --quick for the projects that need no GPU and no browser", () => {
    const { command, args } = parse(["test", "--", "--quick", "norm"]);
    const projects = ["--project", "unit", "--project", "alone", "--project", "wasm"];
    expect(invocation(command, args, place).args.slice(2)).toEqual([...projects, "norm"]);
  });
});

describe("commands", () => {
  it("installs the benchmark's peers for the benchmark only", () => {
    const peers = "@dilated-internal/bench-peers";
    for (const [name, { packages }] of Object.entries(commands)) {
      const selected = packages.includes(peers) || (packages.includes("*") && !packages.includes(`!${peers}`));
      expect(selected, name).toBe(name === "bench");
    }
  });
});
