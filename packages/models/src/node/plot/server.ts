import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError, checkCall, type FieldsOf, field } from "@dilated/core";
import { PATH, withFileErrors, writeFileAtomic } from "../atomic.ts";
import { type MetricsRecord, RECORD } from "../metrics.ts";
import { PAGE_OPTIONS, type PageOptions, page, pageBody } from "./page.ts";

/** How {@link openPlot} shows a run. */
export interface PlotOptions extends PageOptions {
  /** Port on 127.0.0.1; 0 takes a free one. @defaultValue 0 */
  readonly port?: number | undefined;
  /** Steps that were done before, as `openMetrics` has them. @defaultValue none */
  readonly records?: readonly MetricsRecord[] | undefined;
}

const RECORDS = field.list(RECORD);
const OPTIONS: FieldsOf<PlotOptions> = {
  ...PAGE_OPTIONS,
  port: field.optional(field.nonNegativeInteger(65_535)),
  records: field.optional(RECORDS),
};
const WRITE = { path: PATH, records: RECORDS, options: field.options<PageOptions>(PAGE_OPTIONS) };

/** A page of charts that follows a run. */
export interface Plot {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  add(record: MetricsRecord): void;
  /** Tells the pages that the run has ended, and stops. */
  close(): Promise<void>;
}

/** Charts are drawn at most this often, milliseconds. */
const PACE = 500;
/** How long a page that does not read may keep `close` waiting, milliseconds. */
const GRACE = 500;

/**
 * Serves a page with charts of a run, on this machine only: loss, learning rate, speed, gradient norm and evaluations, redrawn as steps are added.
 *
 * @throws ConfigError when the port is taken.
 */
export async function openPlot(options: PlotOptions = {}): Promise<Plot> {
  checkCall("openPlot", { options: field.options<PlotOptions>(OPTIONS) }, arguments);
  const records = [...(options.records ?? [])];
  const readers = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    timer = undefined;
    if (readers.size === 0) return;
    const event = bodyEvent(records, options);
    for (const reader of readers) reader.write(event);
  };
  const server = createServer((request, response) => {
    if (!isLocal(request)) return refuse(response, 403, "this page is for this machine only");
    if (request.method !== "GET") return refuse(response, 405, "only GET");
    if (request.url === "/") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
      return response.end(page(records, options, true));
    }
    if (request.url !== "/events") return refuse(response, 404, "there is only /");
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(bodyEvent(records, options));
    readers.add(response);
    response.on("close", () => readers.delete(response));
  });
  const port = await listen(server, options.port ?? 0);
  server.unref(); // a page nobody closed does not keep the program alive
  return {
    url: `http://127.0.0.1:${port}/`,
    add: (...given) => {
      checkCall("openPlot: add", { record: RECORD }, given);
      records.push(given[0]);
      timer ??= setTimeout(draw, PACE).unref();
    },
    close: async () => {
      clearTimeout(timer);
      draw();
      const closed = new Promise((resolve) => server.close(resolve));
      const told = [...readers].map((reader) => new Promise<void>((end) => reader.end("event: end\ndata:\n\n", end)));
      await Promise.race([Promise.all(told), new Promise((end) => setTimeout(end, GRACE))]);
      server.closeAllConnections(); // browsers keep some, and open some for later, which Node would wait a minute for
      await closed;
    },
  };
}

/**
 * Writes the charts of a run as one HTML file that needs nothing else.
 *
 * @throws FileError for what the file system refuses.
 */
export async function writeReport(
  path: string,
  records: readonly MetricsRecord[],
  options: PageOptions = {},
): Promise<void> {
  checkCall("writeReport", WRITE, arguments);
  const bytes = new TextEncoder().encode(page(records, options, false));
  await withFileErrors("writeReport", path, () => writeFileAtomic(path, bytes));
}

function bodyEvent(records: readonly MetricsRecord[], options: PageOptions): string {
  return `data: ${JSON.stringify(pageBody(records, options))}\n\n`;
}

/** Pages of other sites can send requests here under names of their own; they are not answered. */
function isLocal({ headers }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? "");
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  response.writeHead(status, { "content-type": "text/plain" });
  response.end(`${reason}\n`);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new ConfigError(`openPlot: port ${port} cannot be used`, {
          details: [cause.message],
          fix: "use another port, or 0 for a free one",
          cause,
        }),
      ),
    );
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
