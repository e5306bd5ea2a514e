import { gradientPlaces, type Tensor, treeTensors, valueAndGrad } from "@dilated/core";
import { adamWStep, clipScale, gradNorm } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { expect, test } from "vitest";
import { batchToDevice } from "./batch.ts";
import { adamW } from "./optimizer.ts";
import { disposeTraining, type TrainState } from "./state.ts";
import { read, reportsOf, tinyLM, windows } from "./test-utils/tiny.ts";

test("weights, gradients and moments that lie together give the bits of those that lie alone", async () => {
  using device = await openTestDevice();
  using joined = tinyLM(device);
  const reports = await reportsOf(joined, { steps: 3, maxNorm: 0.1 });

  using alone = tinyLM(device);
  const parameters = treeTensors(alone.parameters);
  const [m, v] = [1, 2].map(() => parameters.map(({ shape }) => device.zeros(shape))) as [Tensor[], Tensor[]];
  const norms: number[] = [];
  for (let step = 1; step <= 3; step++) {
    const norm = device.scope(() => {
      const batch = batchToDevice(device, windows(step - 1));
      const { grads } = valueAndGrad(parameters, () => alone.loss(batch));
      const norm = gradNorm(grads);
      const gradScale = clipScale(norm, 0.1);
      parameters.forEach((param, i) => {
        const weightDecay = param.rank >= 2 ? 0.01 : 0;
        const options = { lr: 5e-3, beta2: 0.98, weightDecay, step, gradScale };
        adamWStep(param, grads[i] as Tensor, m[i] as Tensor, v[i] as Tensor, options);
      });
      return norm;
    });
    norms.push(await norm.item());
  }
  expect(reports.map((report) => report.gradNorm)).toEqual(norms);
  expect(await read(treeTensors(joined.parameters))).toEqual(await read(parameters));
  const state = reports[0]?.state as TrainState;
  expect(await read(treeTensors(state.optimizer))).toEqual(await read([...m, ...v]));
  disposeTraining(state);
});

test("an optimiser refuses gradients of another shape, wherever weights lie", async () => {
  using device = await openTestDevice();
  using model = tinyLM(device);
  const optimizer = adamW({ lr: 1e-3 });
  await reportsOf(model, { steps: 1, optimizer });
  const { grads } = valueAndGrad(model.parameters, () => model.loss(batchToDevice(device, windows(0))), {
    places: gradientPlaces,
  });
  const list = treeTensors(grads);
  const wrong = list.map((grad, i) => (i === 1 ? device.zeros([grad.size, 1]) : grad));
  const state = optimizer.init(treeTensors(model.parameters));
  const update = () => optimizer.update(treeTensors(model.parameters), wrong, state, { step: 0 });
  expect(update).toThrow(/must have the shape of param/);
});
