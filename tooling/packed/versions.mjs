// What packed packages are tried with. Exact, so that a run means the same every day; the last TypeScript is the newest there is.

/** npm carries the binaries. */
export const nodes = ["20.20.2", "22.23.5", "24.22.3"];

export const compilers = ["5.4.5", "5.9.3", "6.0.3", "7.0.2"];
