import { type Device, DilatedError, openDevice } from "@dilated/core";

/** Where examples may run. */
export const BACKENDS = ["auto", "webgpu", "wasm"] as const;

/** Opens the device that was asked for, and says which it is. A software GPU is taken only where WebGPU was asked for by name. */
export async function openExampleDevice(backend: (typeof BACKENDS)[number]): Promise<Device> {
  const device = await openDevice({ backend, allowSoftware: backend === "webgpu" });
  const { info } = device;
  const threads = info.threads > 1 ? `, ${info.threads} threads` : "";
  console.log(`Dilated: ${info.backend} (${info.tier}) on ${info.adapter}${threads}: ${info.reason}`);
  return device;
}

/** Whether a device is a real GPU: larger models pay there. */
export function isGpu({ info }: Device): boolean {
  return info.backend === "webgpu" && !info.software;
}

/** Runs a program: Ctrl-C aborts its signal, an error of ours prints as its message, and the exit status tells. */
export async function runProgram(main: (args: string[], signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = () => controller.abort(new Error("interrupted from the keyboard"));
  process.once("SIGINT", stop);
  try {
    await main(process.argv.slice(2), controller.signal);
  } catch (error) {
    const ours = DilatedError.is(error);
    const stopped = ours && error.code === "ABORTED";
    console.error(`\n${stopped ? error.message.split("\n")[0] : ours ? error.message : describe(error)}`); // nothing to resume from
    process.exitCode = stopped ? 130 : 1;
  } finally {
    process.removeListener("SIGINT", stop);
  }
}

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
