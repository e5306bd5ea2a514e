import { expect, it } from "vitest";
import type { Backend, BackendBuffer } from "../device/backend.ts";
import { OrderedBackend } from "./ordered-backend.ts";
import { RunningTask } from "./task.ts";

/** A backend that notes what it is asked for. */
function noting(): { readonly backend: OrderedBackend; readonly asked: string[] } {
  const asked: string[] = [];
  const note = (name: string) => () => void asked.push(name);
  const inner = {
    lost: new Promise<Error>(() => {}),
    flush: note("flush"),
    upload: note("upload"),
    copy: note("copy"),
    release: note("release"),
    sync: async () => void asked.push("sync"),
  } as unknown as Backend;
  return { backend: new OrderedBackend(inner), asked };
}

const buffer: BackendBuffer = { bytes: 16 };

it("has the device begin with what came before a wait, and keeps what comes after for its end", async () => {
  const { backend, asked } = noting();
  const task = new RunningTask("task");
  let deliver = (_: Uint8Array[]): void => {};
  task.start(
    () =>
      new Promise((resolve) => {
        deliver = resolve;
      }),
    { timeoutMs: Number.POSITIVE_INFINITY },
  );
  backend.add(task);
  backend.copy(buffer, 0, buffer, 0, 16);
  backend.wait(task, [buffer]);
  expect(asked).toEqual(["copy", "flush"]);
  backend.release(buffer);
  const synced = backend.sync();
  await Promise.resolve();
  expect(asked).toEqual(["copy", "flush"]);
  deliver([new Uint8Array(16)]);
  await synced;
  expect(asked).toEqual(["copy", "flush", "upload", "release", "sync"]);
});

it("goes straight on behind a task that is done already", async () => {
  const { backend, asked } = noting();
  const task = new RunningTask("task");
  task.start(async () => [new Uint8Array(16)], { timeoutMs: Number.POSITIVE_INFINITY });
  backend.add(task);
  await task.settled;
  backend.wait(task, [buffer]);
  expect(asked).toEqual(["upload"]);
});
