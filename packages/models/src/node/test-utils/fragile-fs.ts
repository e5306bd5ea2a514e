import type * as fs from "node:fs/promises";

type Fs = typeof fs;

type End = "killed" | "ENOSPC" | "EROFS";

/** What a file system does, seen from a process that may end at any byte, or whose disk may be full or read-only. */
export const fate: {
  /** Bytes and calls that still go through. */
  left: number;
  /** What happens then: every call fails from there on, or whatever writes does, with this code. */
  end: End;
  reset(left?: number, end?: End): void;
} = {
  left: Number.POSITIVE_INFINITY,
  end: "killed",
  reset(left = Number.POSITIVE_INFINITY, end = "killed") {
    fate.left = left;
    fate.end = end;
  },
};

const failure = (): Error => Object.assign(new Error(fate.end), { code: fate.end === "killed" ? 0 : fate.end });

/** So much of `bytes` goes through. */
function spend(bytes: number): number {
  const through = Math.max(0, Math.min(bytes, fate.left));
  fate.left -= bytes;
  return through;
}

/** `node:fs/promises` by {@link fate}: for `vi.mock`. */
export function fragile(real: Fs): Fs {
  const guarded =
    <A extends unknown[], T>(changes: boolean, act: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      if (changes || fate.left < 0) spend(1);
      if (fate.left < 0 && (changes || fate.end === "killed")) throw failure();
      return act(...args);
    };
  const open = async (...args: Parameters<Fs["open"]>): Promise<fs.FileHandle> => {
    const file = await guarded(typeof args[1] === "string" && args[1] !== "r", real.open)(...args);
    const write = file.write.bind(file) as (bytes: Uint8Array, at: number, length: number) => Promise<unknown>;
    const close = file.close.bind(file);
    return Object.assign(file, {
      write: async (bytes: Uint8Array, at: number, length: number) => {
        const through = spend(length);
        if (through > 0) await write(bytes, at, through);
        if (through < length) throw failure();
        return { bytesWritten: length, buffer: bytes };
      },
      sync: guarded(false, file.sync.bind(file)),
      close: async () => {
        await close(); // the system closes what a killed process had open
        if (fate.left < 0 && fate.end === "killed") throw failure();
      },
    });
  };
  // A full disk still removes and renames; a read-only one does not.
  const unlessFull =
    <A extends unknown[], T>(act: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> =>
      guarded(fate.end !== "ENOSPC", act)(...args);
  return {
    ...real,
    open: open as Fs["open"],
    mkdir: guarded(true, real.mkdir as never) as Fs["mkdir"],
    writeFile: guarded(true, real.writeFile as never) as Fs["writeFile"],
    rename: unlessFull(real.rename),
    rm: unlessFull(real.rm as never) as Fs["rm"],
    rmdir: unlessFull(real.rmdir as never) as Fs["rmdir"],
    unlink: unlessFull(real.unlink),
    utimes: unlessFull(real.utimes),
    readdir: guarded(false, real.readdir as never) as Fs["readdir"],
    access: guarded(false, real.access),
  };
}
