import { treeTensors } from "@dilated/core";
import type { TrainState } from "@dilated/models";

/** Frees what the optimiser remembers, when a run has no use for it any more. */
export function freeTraining(state: TrainState | undefined): void {
  if (!state) return;
  for (const moment of treeTensors(state.optimizer)) moment.dispose();
}
