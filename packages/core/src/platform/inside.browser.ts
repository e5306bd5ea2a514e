import type { Inside } from "./inside.ts";

/** Browsers do not tell what follows behind an `await`: only what runs before the first is known. */
export function trackInside<T extends object>(): Inside<T> {
  let inside: T | undefined;
  return {
    run: (value, work) => {
      const outer = inside;
      inside = value;
      try {
        return work();
      } finally {
        inside = outer;
      }
    },
    current: () => inside,
  };
}
