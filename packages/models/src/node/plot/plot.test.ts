import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { type MetricsRecord, metricsOf } from "../metrics.ts";
import { stepReport } from "../test-utils/reports.ts";
import { chartSvg } from "./chart.ts";
import { chartsOf } from "./charts.ts";
import { page } from "./page.ts";
import { openPlot, writeReport } from "./server.ts";
import { label, ticks } from "./ticks.ts";

const run = (count: number): MetricsRecord[] =>
  Array.from({ length: count }, (_, i) =>
    metricsOf(stepReport(i + 1, i % 10 === 9 ? { evaluation: { "held out": 3 - i / 100 } } : {})),
  );
const bits = { name: "bits a byte", nats: Math.LN2 };

test("ticks are round and inside", () => {
  expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks(1, 240, 6)).toEqual([50, 100, 150, 200]);
  expect(ticks(0.00011, 0.0041, 4)).toEqual([0.001, 0.002, 0.003, 0.004]);
  expect(ticks(3, 3, 5)).toEqual([3]);
  expect([0, 0.004, 1.5, 12_000, 3e-6, 4.0004e-4, 2.5e9].map(label)).toEqual([
    "0",
    "0.004",
    "1.5",
    "12,000",
    "3e-6",
    "4e-4",
    "2.5e9",
  ]);
});

test("a page says what it shows: titles, units, axes, every series, the last values", () => {
  const html = page(run(60), { title: "Moby <Dick>", loss: bits }, false);
  for (const part of ["Moby &lt;Dick&gt;", "loss, bits a byte", "training step", "tokens a second", "gradient norm"]) {
    expect(html).toContain(part);
  }
  expect(html).toMatch(/held out 2\.41/);
  expect(html).toContain("Step 60 of 100");
  expect(html).not.toContain("<script");
  expect(html).not.toMatch(/NaN|undefined|Infinity|https?:\/\/(?!www\.w3\.org)/);
});

test("lines stay inside the axes, thinned where they are long, and leave out what is no number", () => {
  const records = [...run(3000), metricsOf(stepReport(3001, { loss: Number.NaN, gradNorm: Number.NaN }))];
  for (const chart of chartsOf(records, bits)) {
    const svg = chartSvg({ ...chart, steps: 3001 });
    const points = [...svg.matchAll(/[ML](\d+\.\d) (-?\d+\.\d)(?=[L"])/g)].map(([, x, y]) => [Number(x), Number(y)]);
    expect(points.length).toBeGreaterThan(300);
    expect(points.length).toBeLessThan(1600);
    for (const [x, y] of points)
      expect((x as number) >= 76 && (x as number) <= 620 && (y as number) >= 58 && (y as number) <= 264).toBe(true);
    expect(svg).not.toContain("NaN");
  }
  expect(page([], {}, false)).toContain("no steps yet");
});

test("serves the page, and sends new charts until the end", async () => {
  const plot = await openPlot({ title: "run", records: run(5) });
  expect(await (await fetch(plot.url)).text()).toContain("Step 5 of 100");
  const events = await fetch(`${plot.url}events`);
  expect(events.headers.get("content-type")).toBe("text/event-stream");
  const reader = (events.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  const readUntil = async (wanted: string): Promise<void> => {
    while (!text.includes(wanted)) text += new TextDecoder().decode((await reader.read()).value);
  };
  await readUntil("Step 5 of 100");
  plot.add(run(6)[5] as MetricsRecord);
  await readUntil("Step 6 of 100");
  const closed = plot.close();
  await readUntil("event: end");
  await closed;
  await expect(fetch(plot.url)).rejects.toThrow();
});

test("answers this machine only, GET only, and knows two addresses", async () => {
  const plot = await openPlot();
  const port = Number(new URL(plot.url).port);
  const status = (path: string, method: string, host: string): Promise<number | undefined> =>
    new Promise((resolve) => {
      request({ port, path, method, headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
  expect(await status("/", "GET", `localhost:${port}`)).toBe(200);
  for (const host of ["evil.example", `127.0.0.1.evil.example:${port}`, `localhost@evil.example:${port}`])
    expect(await status("/", "GET", host)).toBe(403);
  expect(await status("/events", "GET", "evil.example")).toBe(403);
  expect(await status("/", "POST", "127.0.0.1")).toBe(405);
  expect(await status("/secret", "GET", "127.0.0.1")).toBe(404);
  await expect(openPlot({ port })).rejects.toThrow(ConfigError);
  await plot.close();
});

test("closes at once with connections open: one kept, others that never or half asked or do not read", async () => {
  const plot = await openPlot({ records: run(3000) });
  const port = Number(new URL(plot.url).port);
  const send = async (text: string): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.on("error", () => {}); // a reset is an end, too
    socket.write(text);
    return socket;
  };
  const kept = await send("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n");
  const sockets = [
    kept,
    await send(""),
    await send("GET / HTTP/1.1\r\nhost: "),
    await send("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n"),
  ];
  await once(kept, "data");
  const ended = sockets.slice(0, 3).map((socket) => once(socket.resume(), "close"));
  await plot.close();
  await Promise.all(ended);
  for (const socket of sockets) socket.destroy();
});

test("is bound to 127.0.0.1 and to no other address of this machine", async () => {
  const plot = await openPlot();
  const port = Number(new URL(plot.url).port);
  const others = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4");
  for (const host of ["127.0.0.2", ...others.map(({ address }) => address)]) {
    const socket = connect(port, host);
    await expect(once(socket, "connect")).rejects.toThrow(); // refused, or no such address
  }
  await plot.close();
});

test("writes a report that needs nothing else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dilated-"));
  await writeReport(join(folder, "report.html"), run(30), { loss: bits });
  expect(await readFile(join(folder, "report.html"), "utf8")).toMatch(/<svg.*<\/svg>/s);
  await rm(folder, { recursive: true });
});
