import type { Device } from "@dilated/core";
import type { Annotated } from "./annotate.ts";
import { codonStatistics, type Features, gcContent } from "./features.ts";
import { fitProbe } from "./probe.ts";
import { type Roc, rocOf } from "./roc.ts";
import type { Kind } from "./windows.ts";

/** What is asked of a window's features. */
export const QUESTIONS = {
  coding: { yes: ["coding+", "coding-"], no: ["non-coding"] },
  strand: { yes: ["coding+"], no: ["coding-"] },
} as const satisfies Record<string, { readonly yes: readonly Kind[]; readonly no: readonly Kind[] }>;

export type QuestionName = keyof typeof QUESTIONS;

/** An embedded genome: its sequences, and the vectors of their windows, one behind the other. */
export interface EmbeddedGenome {
  readonly name: string;
  readonly sequences: readonly Annotated[];
  /** [windows of all sequences, E] */
  readonly vectors: Float32Array;
}

/** How well one kind of features answers one question. */
export interface Score {
  readonly question: QuestionName;
  readonly features: string;
  readonly roc: Roc;
  /** Windows scored: held out, and not mixed. */
  readonly yes: number;
  readonly no: number;
}

/** Answers about one genome. */
export interface Answers {
  readonly scores: readonly Score[];
  /** Log odds from the embedding, for every window, by question. */
  readonly odds: Readonly<Record<QuestionName, Float32Array>>;
}

export const EMBEDDING = "LongNet embedding";

/**
 * Fits probes on the training windows of the first genome, on the embedding and on two baselines, and asks them about the held-out windows of all.
 *
 * @param dim - E
 * @returns one result a genome, in order
 */
export async function evaluate(
  device: Device,
  genomes: readonly EmbeddedGenome[],
  dim: number,
  signal?: AbortSignal,
): Promise<Answers[]> {
  const tables = genomes.map((genome) => featuresOf(genome, dim));
  const [learnt, first] = [tables[0] ?? [], genomes[0]];
  const answers = genomes.map(() => ({ scores: [] as Score[], odds: {} as Record<QuestionName, Float32Array> }));
  if (!first) return answers;
  for (const question of Object.keys(QUESTIONS) as QuestionName[]) {
    const asked = genomes.map((genome) => ask(genome, question));
    for (const [f, features] of learnt.entries()) {
      const probe = await fitProbe(device, features, asked[0] as Asked, signal);
      genomes.forEach((_, g) => {
        const odds = probe(tables[g]?.[f]?.rows ?? new Float32Array());
        const { scores, odds: kept } = answers[g] as (typeof answers)[number];
        scores.push({ question, features: features.name, ...scoreOf(odds, asked[g] as Asked) });
        if (features.name === EMBEDDING) kept[question] = odds;
      });
    }
  }
  return answers;
}

interface Asked {
  readonly labels: Int8Array;
  readonly training: Uint8Array;
}

function ask({ sequences }: EmbeddedGenome, question: QuestionName): Asked {
  const windows = sequences.flatMap((sequence) => sequence.windows);
  const { yes, no } = QUESTIONS[question] as { yes: readonly Kind[]; no: readonly Kind[] };
  return {
    labels: Int8Array.from(windows, ({ kind }) => (yes.includes(kind) ? 1 : no.includes(kind) ? 0 : -1)),
    training: Uint8Array.from(windows, ({ heldOut }) => (heldOut ? 0 : 1)),
  };
}

function scoreOf(odds: Float32Array, { labels, training }: Asked): Pick<Score, "roc" | "yes" | "no"> {
  const scored = [...labels.keys()].filter((i) => training[i] === 0 && (labels[i] as number) >= 0);
  const truth = scored.map((i) => labels[i] as number);
  const yes = truth.reduce((sum, label) => sum + label, 0);
  return {
    roc: rocOf(
      scored.map((i) => odds[i] as number),
      truth,
    ),
    yes,
    no: truth.length - yes,
  };
}

function featuresOf({ sequences, vectors }: EmbeddedGenome, dim: number): Features[] {
  const joined = (make: (bases: Uint8Array, windows: Annotated["windows"]) => Features): Features => {
    const parts = sequences.map(({ bases, windows }) => make(bases, windows));
    const rows = new Float32Array(parts.reduce((sum, part) => sum + part.rows.length, 0));
    let at = 0;
    for (const part of parts) {
      rows.set(part.rows, at);
      at += part.rows.length;
    }
    return { name: parts[0]?.name ?? "", width: parts[0]?.width ?? 1, rows };
  };
  return [{ name: EMBEDDING, width: dim, rows: vectors }, joined(codonStatistics), joined(gcContent)];
}
