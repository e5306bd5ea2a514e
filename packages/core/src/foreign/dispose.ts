/** The symbol of `using`, where the program's libraries declare it. */
type DisposeKey = SymbolConstructor extends { readonly dispose: infer S extends symbol } ? S : never;

/** What `using` accepts. Where `Symbol.dispose` is not declared, this asks for nothing. */
export type DisposableLike = { [K in DisposeKey]: () => void };

/**
 * The key of the method that `using` calls. Engines without `Symbol.dispose` (Safari, Node before 20.4) have no `using` either; what compilers make of it
 * there (esbuild, Babel, SWC, Oxc) looks for this symbol of the registry, so that nothing has to be patched into the engine.
 */
export const DISPOSE: DisposeKey = Symbol.dispose ?? (Symbol.for("Symbol.dispose") as DisposeKey);

/** Base of classes with `dispose()`, which `using` then calls. One class holds the computed key, because bundlers keep classes that have one. */
export const DisposedByUsing: abstract new () => DisposableLike = class {
  [DISPOSE](): void {
    (this as unknown as { dispose(): void }).dispose();
  }
};
