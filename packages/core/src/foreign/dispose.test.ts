import { afterEach, expect, it, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** An engine without the symbols of explicit resource management; where they are built in they cannot be deleted. */
function withoutDisposeSymbols(): void {
  const hidden = new Set<PropertyKey>(["dispose", "asyncDispose"]);
  const real = Symbol;
  const old = new Proxy(() => {}, {
    apply: (_, __, [description]: [string?]) => real(description),
    get: (_, key) => (hidden.has(key) ? undefined : Reflect.get(real, key)),
  });
  vi.resetModules();
  vi.stubGlobal("Symbol", old);
}

it.each([
  ["where the engine has Symbol.dispose", () => vi.resetModules(), Symbol.dispose],
  ["where it does not", withoutDisposeSymbols, Symbol.for("Symbol.dispose")],
] as const)("`using` finds dispose() %s", async (_, prepare, key) => {
  prepare();
  const { openDevice } = await import("../index.ts");
  const device = await openDevice({ backend: "wasm", threads: 1 });
  const tensor = device.randomNormal([4], { seed: 1, dtype: "f16" }); // goes through `using` inside
  expect(await tensor.data()).toHaveLength(4);
  for (const owner of [tensor, device]) {
    (owner as never as Record<symbol, () => void>)[key]?.();
    expect(owner.disposed).toBe(true);
  }
  expect(Symbol.dispose).toBe(key === Symbol.for("Symbol.dispose") ? undefined : key); // nothing was patched into the engine
});
