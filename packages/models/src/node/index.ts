export { readCheckpoint, writeCheckpoint } from "./file-store.ts";
export { openFolder } from "./folder.ts";
export { type MetricsLog, type MetricsRecord, metricsOf, openMetrics, readMetrics } from "./metrics.ts";
export { loadModel, saveModel } from "./model.ts";
export type { LossUnit } from "./plot/charts.ts";
export type { PageOptions } from "./plot/page.ts";
export { openPlot, type Plot, type PlotOptions, writeReport } from "./plot/server.ts";
