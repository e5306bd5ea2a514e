import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { type Device, openDevice } from "@dilated/core";
import { type BenchOptions, parseBench } from "./options.ts";
import type { SuiteContext } from "./suite.ts";
import { attentionSuite } from "./suites/attention.ts";
import { matmulSuite } from "./suites/matmul.ts";
import { trainSuite } from "./suites/train.ts";
import { formatTable, type Row } from "./table.ts";

const RUN: Readonly<Record<BenchOptions["suite"], (context: SuiteContext) => Promise<Row[]>>> = {
  attention: attentionSuite,
  matmul: matmulSuite,
  train: trainSuite,
};

/** On the CPU one thread and all threads; a GPU as it is. */
async function openAll(backend: BenchOptions["backend"]): Promise<Device[]> {
  const device = await openDevice({ backend, allowSoftware: backend === "webgpu" });
  if (device.info.backend !== "wasm" || device.info.threads === 1) return [device];
  return [await openDevice({ backend: "wasm", threads: 1 }), device];
}

async function main({ suite, backend, json, sizes, peers }: BenchOptions): Promise<void> {
  const devices = await openAll(backend);
  const machine = { node: process.version, cpu: cpus()[0]?.model.trim() ?? "unknown", cores: cpus().length };
  const infos = devices.map((device) => device.info);
  console.log(`${suite} on ${machine.cpu} (${machine.cores} cores), Node ${machine.node}`);
  for (const info of infos) {
    console.log(
      `  ${info.backend} ${info.tier}, ${info.adapter}, ${info.threads} thread(s)${info.software ? ", SOFTWARE adapter: not a GPU timing" : ""}`,
    );
  }
  const rows = await RUN[suite]({ devices, peers, ...(sizes ? { sizes } : {}) });
  console.log(`\n${formatTable(rows)}`);
  if (json) await writeFile(json, `${JSON.stringify({ suite, machine, devices: infos, rows }, null, 2)}\n`);
  for (const device of devices) device.dispose();
}

try {
  await main(parseBench(process.argv.slice(2)));
  process.exit(0); // The peers' worker threads would keep the process alive.
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
