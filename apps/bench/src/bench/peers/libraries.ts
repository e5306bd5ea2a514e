import { pathToFileURL } from "node:url";
import { timed } from "../cpu/timing.ts";
import type { Row } from "../row.ts";

/** Work that a peer has ready; see `peers/index.mjs`. */
export interface Prepared {
  run(): Promise<void>;
  read(): Promise<ArrayLike<number>>;
  dispose(): Promise<void>;
}

export interface Peer {
  matmul(a: Float32Array, b: Float32Array, n: number): Promise<Prepared>;
  attention(q: Float32Array, k: Float32Array, v: Float32Array, shape: [number, number, number]): Promise<Prepared>;
}

type Openers = Readonly<Record<string, (threads: number) => Promise<Peer>>>;

/** The peers' package, by its place beside the built program, so that bundling this program does not bundle them. */
export async function loadPeers(): Promise<Openers> {
  const file = new URL("../peers/index.mjs", pathToFileURL(process.argv[1] ?? ""));
  return ((await import(file.href)) as { peers: Openers }).peers;
}

/** What is asked of each peer. */
export interface PeerWork {
  readonly what: string;
  readonly flops: number;
  readonly prepare: (peer: Peer) => Promise<Prepared>;
  /** Largest difference of a result from the reference. */
  readonly errorOf: (result: ArrayLike<number>) => number;
  /** Bytes the work holds at least; more than a WebAssembly memory means that such a peer cannot do it. */
  readonly bytes: number;
}

const WASM_BYTES = 4 * 2 ** 30;

/** Checks, then times each peer; one that cannot do it gives a row that says why. */
export async function timePeers(work: PeerWork, threads: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [who, open] of Object.entries(await loadPeers())) {
    if (who.includes("wasm") && work.bytes > WASM_BYTES) {
      rows.push({
        what: work.what,
        who,
        note: `needs ${(work.bytes / 2 ** 30).toFixed(1)} GiB: over a WebAssembly memory`,
      });
      continue;
    }
    rows.push(await timePeer(work, who, () => open(threads)));
  }
  return rows;
}

async function timePeer(
  { what, flops, prepare, errorOf }: PeerWork,
  who: string,
  open: () => Promise<Peer>,
): Promise<Row> {
  try {
    const prepared = await prepare(await open());
    await prepared.run();
    const error = errorOf(await prepared.read());
    const timing = await timed(() => prepared.run());
    await prepared.dispose();
    return { what, who, ms: timing.median, gflops: flops / timing.median / 1e6, error };
  } catch (error) {
    return {
      what,
      who,
      note: `failed: ${error instanceof Error ? error.message.split("\n")[0]?.slice(0, 100) : String(error)}`,
    };
  }
}
