import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What is asked of `peers/pytorch/longnet.py`; see there. */
export interface PyTorchRequest {
  readonly kind: "info" | "dilated" | "dense" | "matmul" | "lm";
  readonly [option: string]: unknown;
}

/** What it answers: the request again, with a result or the reason why there is none. */
export interface PyTorchReply {
  readonly failed?: string;
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
  readonly [value: string]: unknown;
}

/** PyTorch in a process of its own, which stays open: importing it takes seconds. */
export interface PyTorch {
  readonly info: PyTorchReply;
  /** One at a time. Takes as long as it takes, up to `limitMs`; then the process is ended, and this and every later request fails. */
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

/** Starts Python. The reason, as text, where there is no Python, no PyTorch or no CUDA. */
export async function openPyTorch(script: string | undefined = findPyTorchScript()): Promise<PyTorch | string> {
  if (!script) return "peers/pytorch/longnet.py is not beside this program";
  const child = spawn("python3", ["-B", script, "--serve"], { stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (data: Buffer) => {
    complaint = (complaint + data.toString()).slice(-2000);
  });
  const ask = requests(child, () => complaint.trim().split("\n").at(-1) ?? "");
  const info = await ask({ kind: "info" }, 90_000);
  if (info.failed === undefined) return { info, ask, close: () => void child.kill() };
  child.kill();
  return `no PyTorch with CUDA: ${info.failed}`;
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
function requests(child: ChildProcess, complaint: () => string): PyTorch["ask"] {
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
  return (request, limitMs = 120_000) =>
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
}
