import { checkCall, type Device } from "@dilated/core";
import {
  READ_MODEL,
  type ReadModelOptions,
  readModel,
  WRITE_MODEL,
  type WriteModelOptions,
  writeModel,
} from "../checkpoint/model.ts";
import { MODEL, type Model, type ModelByKind, type ModelKind } from "../registry.ts";
import { PATH } from "./atomic.ts";
import { openFolder } from "./folder.ts";

const SAVE = { folder: PATH, model: MODEL, options: WRITE_MODEL.options };
const LOAD = { device: READ_MODEL.device, folder: PATH, options: READ_MODEL.options };

/**
 * Writes a model into a folder: `model.safetensors`, or shards with `model.safetensors.index.json`, and `config.json`. A checkpoint that is there stays whole
 * until the new one is, whenever the process is killed.
 *
 * @returns names of the files
 * @throws AbortedError by `signal`; FileError for what the file system refuses, and for a folder that is removed
 * meanwhile; ConfigError for a model without weights. Saves into one folder are done one after another, those of other
 * processes included.
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { openDevice } from "@dilated/core";
 * import { createModel } from "@dilated/models";
 * import { loadModel, saveModel } from "@dilated/models/node";
 * const device = await openDevice();
 * const folder = await mkdtemp(join(tmpdir(), "model-"));
 * await saveModel(folder, createModel(device, { kind: "longnet-lm", preset: "tiny", vocab: 256 }));
 * const model = await loadModel(device, folder, { kind: "longnet-lm" });
 * device.dispose();
 * ```
 */
export async function saveModel(folder: string, model: Model, options: WriteModelOptions = {}): Promise<string[]> {
  checkCall("saveModel", SAVE, arguments);
  return writeModel(openFolder(folder), model, options);
}

/**
 * Reads a model that {@link saveModel} wrote, one file of weights at a time.
 *
 * @throws FormatError for files that are missing, damaged, or do not fit each other; ConfigError for the configuration.
 */
export async function loadModel<K extends ModelKind = ModelKind>(
  device: Device,
  folder: string,
  options: ReadModelOptions<K> = {},
): Promise<ModelByKind[K]> {
  checkCall("loadModel", LOAD, arguments);
  return (await readModel(device, openFolder(folder), options)).model;
}
