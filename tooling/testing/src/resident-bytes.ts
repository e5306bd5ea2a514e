/**
 * What measures the bytes of the process in memory without what only waits to be collected, which in a process that has
 * run other tests is more than a leak would be. Undefined in a browser.
 */
export async function residentBytes(): Promise<(() => number) | undefined> {
  if (!("process" in globalThis)) return undefined;
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([import("node:v8"), import("node:vm")]);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  return () => {
    collect();
    return process.memoryUsage().rss;
  };
}
