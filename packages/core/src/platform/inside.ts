/** Which of some pieces of work the code that asks runs inside of, as far as the platform can tell. */
export interface Inside<T extends object> {
  /** Runs `work`, and what it awaits where the platform follows that, inside of `value`. */
  run<R>(value: T, work: () => R): R;
  /** Undefined outside of all of them, and where the platform lost track. */
  current(): T | undefined;
}
