import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { TrainStep } from "@dilated/models";
import { type MetricsRecord, metricsOf, openMetrics, openPlot, writeReport } from "@dilated/models/node";
import type { Options } from "./options.ts";

/** Logs and charts of a run, as far as they were asked for. */
export interface Monitor {
  step(report: TrainStep): Promise<void>;
  /** Writes the report and stops. */
  close(): Promise<void>;
}

/** @param done - steps that a resumed run starts from */
export async function openMonitor(
  { metrics, plot, checkpoint = "." }: Options,
  title: string,
  done: number,
): Promise<Monitor> {
  const log = metrics === undefined ? undefined : await openMetrics(metrics, { after: done });
  const records: MetricsRecord[] = [...(log?.records ?? [])];
  const look = { title: `LongNet on ${title}`, loss: { name: "bits a byte", nats: Math.LN2 } };
  const charts = plot === undefined ? undefined : await openPlot({ ...look, port: plot, records });
  if (charts) console.log(`Charts: ${charts.url}\n`);
  return {
    step: async (report) => {
      const record = (await log?.append(report)) ?? metricsOf(report);
      records.push(record);
      charts?.add(record);
    },
    close: async () => {
      await log?.close();
      if (!charts) return;
      await charts.close();
      await mkdir(checkpoint, { recursive: true });
      await writeReport(join(checkpoint, "report.html"), records, look);
      console.log(`Charts: ${join(checkpoint, "report.html")}`);
    },
  };
}
