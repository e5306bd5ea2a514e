// What resume.test.ts starts as a process of its own: `node child.js train OPTIONS...` or `node child.js save FOLDER`.
import { writeSync } from "node:fs";
import { openDevice } from "@dilated/core";
import { writeCheckpoint } from "@dilated/models/node";
import { loadBook } from "../book.ts";
import { type Options, parseOptions } from "../options.ts";
import { run } from "../run.ts";

const [task, ...args] = process.argv.slice(2);

/** Says so, and blocks until the process is killed: from then on nothing is written. */
function hang(): void {
  writeSync(1, "ready to be killed\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

if (task === "train") {
  using device = await openDevice({ backend: "wasm", threads: 2 });
  const whole = await loadBook();
  const book = { ...whole, heldOut: whole.heldOut.subarray(0, 300) };
  const report = ({ step }: { step: number }) => step === Number(process.env.HANG_AT) && hang();
  await run(device, book, parseOptions(args) as Options, report, new AbortController().signal);
} else {
  // Saves again and again, each time a file of one value.
  for (let value = 0; ; value = (value + 1) % 256) {
    await writeCheckpoint(args[0] as string, new Uint8Array(2 ** 22).fill(value));
    if (value === 2) writeSync(1, "ready to be killed\n");
  }
}
