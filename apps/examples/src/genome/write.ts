import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DeviceInfo, writeSafetensors } from "@dilated/core";
import { savePlot } from "../shared/plot/plot.ts";
import { mapChart } from "./charts/map.ts";
import { pcaChart } from "./charts/pca.ts";
import { regionChart } from "./charts/region.ts";
import { rocChart } from "./charts/roc.ts";
import type { Options } from "./options.ts";
import type { GenomeResult } from "./run.ts";
import { windowsTsv } from "./table.ts";
import { WINDOW } from "./windows.ts";

/**
 * Writes everything that a run found into the folder `options.out`.
 *
 * @returns the paths, pictures first
 */
export async function writeResults(result: GenomeResult, options: Options, device: DeviceInfo): Promise<string[]> {
  const { out } = options;
  const { genomes, answers, plan } = result;
  const [genome, answer] = [genomes[0], answers[0]];
  const [shown, said] = [genomes.at(-1), answers.at(-1)]; // the stranger, where there is one
  if (!genome || !answer || !shown || !said) return [];
  const dim = plan.model.dim;
  const plots = [
    ...(await savePlot(out, "roc", rocChart(genome.name, answer))),
    ...(await savePlot(out, "region", regionChart(shown, said))),
    ...(await savePlot(out, "map", mapChart(genome, answer))),
    ...(await savePlot(out, "embedding", pcaChart(genome, dim))),
  ];
  const files: [string, string | Uint8Array][] = [
    ["windows.tsv", windowsTsv(result)],
    ["embeddings.safetensors", embeddings(result)],
    ["report.json", `${JSON.stringify(report(result, options, device), null, 2)}\n`],
  ];
  await mkdir(out, { recursive: true });
  for (const [name, content] of files) await writeFile(join(out, name), content);
  return [...plots, ...files.map(([name]) => join(out, name))];
}

/** One tensor [windows, E] a genome, rows in the order of windows.tsv. */
function embeddings({ genomes, plan }: GenomeResult): Uint8Array {
  const { dim } = plan.model;
  const tensors = genomes.map(({ name, vectors }) => {
    const tensor = { dtype: "f32" as const, shape: [vectors.length / dim, dim], data: vectors };
    return [name, tensor] as const;
  });
  return writeSafetensors(tensors, { window: String(WINDOW) });
}

function report(
  { plan, training, parameters, genomes, answers, embedding }: GenomeResult,
  options: Options,
  device: DeviceInfo,
) {
  return {
    command: options,
    device,
    plan,
    parameters,
    training,
    embedding,
    genomes: genomes.map(({ name, sequences }, g) => ({
      name,
      sequences: sequences.map(({ id, bases, orfs, windows }) => ({
        id,
        bases: bases.length,
        orfs: orfs.length,
        windows: windows.length,
      })),
      scores: answers[g]?.scores.map(({ question, features, roc, yes, no }) => ({
        question,
        features,
        auc: roc.auc,
        yes,
        no,
      })),
    })),
  };
}
