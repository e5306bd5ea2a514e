import { DisposedError } from "../errors/index.ts";
import type { Backend } from "./backend.ts";

/** Stands in for the backend of a disposed device, whose memory must not stay because somebody keeps the device or one of its tensors. */
export function closedBackend({ info, limits, lost }: Backend): Backend {
  const refuse = (): never => {
    throw new DisposedError("the device was disposed", { fix: "open a new one with openDevice()" });
  };
  const rejected = async (): Promise<never> => refuse();
  return {
    info,
    limits,
    lost,
    allocate: refuse,
    release: () => {},
    upload: refuse,
    read: rejected,
    copy: refuse,
    run: refuse,
    warmup: rejected,
    sync: rejected,
    pooledBytes: () => 0,
    trim: () => {},
    dispose: () => {},
  };
}
