import { checkConfig, DilatedError, FormatError, field, isPlain } from "@dilated/core";
import type { LossScale } from "../train/loss-scale.ts";
import type { TrainSettings } from "../train/state.ts";

export const TRAINING_FORMAT = "dilated-training-2";

/** What a training checkpoint holds beside its tensors: each field is a piece of JSON in the file's metadata. */
export interface SavedRun {
  readonly format: string;
  /** The model's. */
  readonly config: unknown;
  /** Name and settings. */
  readonly optimizer: Readonly<Record<string, unknown>>;
  /** The caller's. */
  readonly run: unknown;
  readonly progress: { readonly step: number; readonly skipped: number; readonly lossScale: LossScale | null };
  readonly settings: TrainSettings;
  readonly note: unknown;
  /** Parameters that are others under a further name, which the file holds once. */
  readonly tied: Readonly<Record<string, string>>;
}

const anything = field.custom<unknown>("JSON", () => true);
const plainValue = (value: unknown): boolean =>
  value === null || typeof value === "string" || typeof value === "number";
const settings = field.custom<TrainSettings>(
  "an object of numbers and strings",
  (value) => typeof value === "object" && value !== null && Object.values(value).every(plainValue),
);
const lossScale = field.object({ scale: field.positive(), streak: field.nonNegativeInteger() });
const schema = {
  format: field.oneOf([TRAINING_FORMAT]),
  config: anything,
  optimizer: field.custom<SavedRun["optimizer"]>("an object", (value) => typeof value === "object" && value !== null),
  run: anything,
  progress: field.custom<SavedRun["progress"]>("step, skipped and lossScale", isProgress),
  settings,
  note: anything,
  tied: field.withDefault(
    field.custom<SavedRun["tied"]>("an object of names", (value) => isPlain(value)),
    {},
  ),
};

/** @throws FormatError unless the metadata is that of a training checkpoint. */
export function readTrainingHeader(caller: string, metadata: Readonly<Record<string, string>>): SavedRun {
  const found = /^"(dilated-training-\d+)"$/.exec(metadata.format ?? "")?.[1];
  if (found !== undefined && found !== TRAINING_FORMAT) {
    throw new FormatError(`${caller}: the checkpoint was written by another version of this library`, {
      details: [`its format: ${found}; this version reads ${TRAINING_FORMAT}`],
      fix: "resume with the version that wrote it",
    });
  }
  try {
    const parsed = Object.entries(metadata).map(([name, text]) => [name, JSON.parse(text) as unknown]);
    return checkConfig(caller, schema, Object.fromEntries(parsed)) as SavedRun;
  } catch (cause) {
    throw new FormatError(`${caller}: this file is not a training checkpoint`, {
      details: DilatedError.is(cause) ? cause.details : [cause instanceof Error ? cause.message : String(cause)],
      fix: "pass a file of encodeTraining; weights alone are loaded into the model instead",
      cause,
    });
  }
}

export function isProgress(value: unknown): boolean {
  const problems: string[] = [];
  const shape = field.object({
    step: field.nonNegativeInteger(),
    skipped: field.nonNegativeInteger(),
    lossScale: field.custom<unknown>(
      "",
      (scale) => scale === null || lossScale.check(scale, "", problems) !== undefined,
    ),
  });
  return shape.check(value, "", problems) !== undefined && problems.length === 0;
}
