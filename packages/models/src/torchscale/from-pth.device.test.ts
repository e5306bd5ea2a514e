import { type Device, readSafetensors, type TensorToWrite, writeSafetensors } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readPth } from "../pth/read.ts";
import { stateDict } from "../pth/test-utils/write-pth.ts";
import { readModels } from "../test-utils/golden.ts";
import { toTorchscale } from "./export.ts";
import { fromTorchscale } from "./import.ts";

const slides = new URL("../../test/fixtures/longnet_vit.safetensors", import.meta.url);

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

it("a Prov-GigaPath checkpoint file gives the original's embeddings", async () => {
  const golden = (await readModels(slides)).get("longnet_vit");
  if (!golden) throw new Error("no golden case");
  const { weights, tensor, config } = golden;
  const rates = config.dilated_ratio as number[];
  const file = stateDict(
    [...weights].map(([name, array]) => [`module.${name}`, array] as const),
    "model",
  );
  const { tensors, metadata } = readPth(file);
  expect(metadata).toEqual({ epoch: 3 });
  const branches = (config.segment_length as number[]).map((segment, i) => ({ segment, dilation: rates[i] ?? 1 }));
  const options = { tileDim: 96, dim: 64, layers: 2, heads: 4, hidden: 128, grid: 32, poolEps: 1e-5, branches };
  using model = fromTorchscale(device, tensors, { kind: "longnet-vit", config: options });
  using tiles = device.tensor(tensor("tiles").data, tensor("tiles").shape);
  using output = model.forward({ tiles, coordinates: tensor("coords").data });
  expect(await output.data()).toBeAllClose(tensor("output").data, { atol: 5e-5 });
  // And back, through safetensors.
  const again = readSafetensors(writeSafetensors((await toTorchscale(model)) as Map<string, TensorToWrite>)).tensors;
  expect(new Map([...again].map(([name, { data }]) => [name, data]))).toEqual(
    new Map([...weights].map(([name, { data }]) => [name, data])),
  );
});
