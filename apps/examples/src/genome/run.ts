import { type Device, treeTensors } from "@dilated/core";
import { isGpu } from "../shared/program.ts";
import { trainingRuns } from "./batches.ts";
import { embedSequence } from "./embed.ts";
import { type Answers, type EmbeddedGenome, evaluate } from "./evaluate.ts";
import type { Genome, Input } from "./input.ts";
import { type Plan, planModel } from "./model.ts";
import type { Options } from "./options.ts";
import { type Trained, trainEncoder } from "./train.ts";

/** How the run tells how far it is. */
export interface Reporter {
  step(step: number, steps: number, loss: number, basesPerSecond: number): void;
  embedded(name: string, bases: number, total: number): void;
  probing(): void;
}

/** What a run comes to. */
export interface GenomeResult {
  readonly plan: Plan;
  readonly training: Omit<Trained, "encoder">;
  readonly parameters: number;
  /** The genome, and the stranger where there is one. */
  readonly genomes: readonly EmbeddedGenome[];
  /** For each genome. */
  readonly answers: readonly Answers[];
  readonly embedding: { readonly seconds: number; readonly calls: number; readonly peakBytes: number };
}

/** Trains on the first genome, embeds both as whole sequences, and asks probes about what was held out. */
export async function runGenome(
  device: Device,
  { genome, stranger }: Input,
  options: Options,
  report: Reporter,
  signal: AbortSignal,
): Promise<GenomeResult> {
  const gpu = isGpu(device);
  const runs = trainingRuns(genome.sequences);
  const plan = planModel(gpu, Math.max(...runs.map(({ bases }) => bases.length)), options);
  const { encoder, ...training } = await trainEncoder(
    device,
    runs,
    plan,
    options.seed,
    ({ step, steps, loss }, basesPerSecond) => report.step(step, steps, loss, basesPerSecond),
    signal,
  );
  using model = encoder;
  device.resetPeak();
  const started = performance.now();
  let calls = 0;
  const memory = (options.memory ?? (gpu ? 16 : 2)) * 2 ** 30;
  const embed = async ({ name, sequences }: Genome): Promise<EmbeddedGenome> => {
    const total = sequences.reduce((sum, { bases }) => sum + bases.length, 0);
    const vectors = new Float32Array(sequences.reduce((sum, { windows }) => sum + windows.length, 0) * plan.model.dim);
    let [row, before] = [0, 0];
    for (const { bases } of sequences) {
      const onProgress = (done: number): void => report.embedded(name, before + done, total);
      const embedded = await embedSequence(model, bases, { memory, signal, onProgress });
      vectors.set(embedded.vectors, row * plan.model.dim);
      row += embedded.windows;
      before += bases.length;
      calls += embedded.calls;
    }
    report.embedded(name, total, total);
    return { name, sequences, vectors };
  };
  const genomes = [await embed(genome), ...(stranger ? [await embed(stranger)] : [])];
  const embedding = { seconds: (performance.now() - started) / 1000, calls, peakBytes: device.stats().peak };
  report.probing();
  const answers = await evaluate(device, genomes, plan.model.dim, signal);
  const parameters = treeTensors(model.parameters).reduce((sum, { size }) => sum + size, 0);
  return { plan, training, parameters, genomes, answers, embedding };
}
