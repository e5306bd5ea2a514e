import { AbortedError, FormatError } from "@dilated/core";
import { expect, it } from "vitest";
import { readStateDict } from "./read-weights.ts";
import { memoryStore } from "./store.ts";
import { weightsOf } from "./test-utils/weights.ts";
import { urlSource } from "./url-source.ts";
import { writeWeights } from "./write-weights.ts";

const store = memoryStore();
await writeWeights(store, weightsOf(1), { maxShardBytes: 32 });
const asked: string[] = [];
const serve: typeof fetch = async (input, init) => {
  const { pathname } = new URL(String(input));
  asked.push(`${init?.method} ${pathname} ${new Headers(init?.headers).get("authorization")}`);
  init?.signal?.throwIfAborted();
  const bytes = pathname.startsWith("/models/a/") ? await store.read(pathname.slice("/models/a/".length)) : undefined;
  if (pathname.startsWith("/broken/")) return new Response("no", { status: 503 });
  if (pathname.startsWith("/offline/")) throw new TypeError("fetch failed");
  return bytes
    ? new Response(bytes.slice(), { headers: { "content-length": String(bytes.length) } })
    : new Response("", { status: 404 });
};

it("reads weights from a server, asking for each file once", async () => {
  const source = urlSource("https://example.org/models/a", { fetch: serve, headers: { authorization: "token" } });
  expect(await readStateDict(source)).toEqual(await readStateDict(store));
  expect(asked.filter((line) => line.startsWith("GET"))).toHaveLength(4);
  expect(asked[0]).toBe("GET /models/a/model.safetensors.index.json token");
  await expect(readStateDict(urlSource("https://example.org/nothing/", { fetch: serve }))).rejects.toThrow(
    /no weights/,
  );
});

it("says what went wrong", async () => {
  await expect(urlSource("https://example.org/broken/", { fetch: serve }).read("x")).rejects.toThrow(
    /broken\/x gave 503/,
  );
  await expect(urlSource("https://example.org/offline/", { fetch: serve }).read("x")).rejects.toThrow(FormatError);
  const source = urlSource("https://example.org/models/a/", { fetch: serve, signal: AbortSignal.abort() });
  await expect(source.read("x")).rejects.toThrow(AbortedError);
});
