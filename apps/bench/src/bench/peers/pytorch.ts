import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What is asked of `peers/pytorch/longnet.py`; see there. */
export interface PyTorchRequest {
  readonly kind: "info" | "dilated" | "dense" | "flex" | "matmul" | "lm";
  /** Seconds after which it gives up. @defaultValue 100 */
  readonly limit?: number;
  readonly [option: string]: unknown;
}

/** What it answers: the request again, with a result or the reason why there is none. */
export interface PyTorchReply {
  readonly failed?: string;
  /** What is not right, and was therefore not timed. */
  readonly wrong?: string;
  /** The process cannot go on; the next request starts another one. */
  readonly fatal?: boolean;
  readonly ms?: number;
  readonly wallMs?: number;
  readonly firstMs?: number;
  readonly runs?: number;
  readonly peakBytes?: number;
  readonly flops?: number;
  readonly error?: number;
  readonly errorDq?: number | null;
  readonly losses?: readonly number[];
  readonly parameters?: number;
  readonly tokensPerSecond?: number;
  readonly maskMs?: number;
  readonly [value: string]: unknown;
}

/** PyTorch in a process of its own, which stays open: importing it takes seconds. */
export interface PyTorch {
  readonly info: PyTorchReply;
  /** One at a time. A process that outlasts `limitMs` or breaks is ended, and the request fails; the next one gets a new process, a few times. */
  ask(request: PyTorchRequest, limitMs?: number): Promise<PyTorchReply>;
  close(): void;
}

/** The script beside the built program, or beside the bundled one. */
export function findPyTorchScript(program: string = process.argv[1] ?? ""): string | undefined {
  const candidates = ["../peers/pytorch/longnet.py", "./peers/pytorch/longnet.py"];
  return candidates
    .map((path) => fileURLToPath(new URL(path, pathToFileURL(program))))
    .find((path) => existsSync(path));
}

/** Processes that may be started anew after one that hung or broke. */
const RESTARTS = 4;
/** Seconds beyond a request's own limit before its process is ended: the start of Python, and what does not hear an alarm. */
const GRACE = 45;
const LIMIT = 100;

/** Starts Python. The reason, as text, where there is no Python, no PyTorch or no CUDA. */
export async function openPyTorch(script: string | undefined = findPyTorchScript()): Promise<PyTorch | string> {
  if (!script) return "peers/pytorch/longnet.py is not beside this program";
  let process = start(script);
  const info = await process.ask({ kind: "info" }, 90_000);
  if (info.failed !== undefined) {
    process.kill();
    return `no PyTorch with CUDA: ${info.failed}`;
  }
  let restarts = 0;
  let lastN: unknown;
  const ask = async (request: PyTorchRequest, limitMs = ((request.limit ?? LIMIT) + GRACE) * 1000) => {
    // A process a size: after another N, PyTorch 2.11 gave wrong gradients of compiled cuDNN attention (see
    // docs/perf-log.md).
    if (lastN !== undefined && request.N !== lastN && process.dead() === undefined) {
      process.kill();
      process = start(script);
    }
    lastN = request.N;
    if (process.dead() !== undefined && restarts < RESTARTS) {
      restarts += 1;
      process = start(script);
    }
    const reply = await process.ask(request, limitMs);
    if (reply.fatal) process.kill();
    return reply;
  };
  return { info, ask, close: () => process.kill() };
}

/** One process. */
interface Peer {
  ask(request: PyTorchRequest, limitMs: number): Promise<PyTorchReply>;
  /** Why it does not answer any more. */
  dead(): string | undefined;
  kill(): void;
}

function start(script: string): Peer {
  const child = spawn("python3", ["-B", script, "--serve"], { stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (data: Buffer) => {
    complaint = (complaint + data.toString()).slice(-2000);
  });
  return requests(child, () => complaint.trim().split("\n").at(-1) ?? "");
}

/** Python writes NaN where JSON has no word for it. */
function parseReply(line: string): PyTorchReply {
  try {
    return JSON.parse(line.replace(/\bNaN\b/g, "null")) as PyTorchReply;
  } catch {
    return { failed: `an answer that is not JSON: ${line.slice(0, 80)}` };
  }
}

/** Sends lines, and pairs the lines that come back with them. */
function requests(child: ChildProcess, complaint: () => string): Peer {
  let dead: string | undefined;
  let waiting: ((reply: PyTorchReply) => void) | undefined;
  const answer = (reply: PyTorchReply): void => {
    waiting?.(reply);
    waiting = undefined;
  };
  const end = (reason: string): void => {
    dead ??= reason;
    answer({ failed: dead });
  };
  child.on("error", (error) => end(error.message));
  child.on("close", (code) => end(complaint() || `python3 ended with code ${code}`));
  child.stdin?.on("error", () => {}); // told by "close"
  if (child.stdout)
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("{")) answer(parseReply(line));
    });
  const ask: Peer["ask"] = (request, limitMs) =>
    new Promise((resolve) => {
      if (dead !== undefined) return resolve({ failed: dead });
      const timer = setTimeout(() => {
        end(`took longer than ${limitMs / 1000} s`);
        child.kill("SIGKILL");
      }, limitMs);
      waiting = (reply) => {
        clearTimeout(timer);
        resolve(reply);
      };
      child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  const kill = (): void => {
    end("it was ended");
    child.kill("SIGKILL"); // the compiler's threads hear nothing else
  };
  return { ask, dead: () => dead, kill };
}
