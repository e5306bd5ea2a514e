import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";

/**
 * Runs a program; resolves with what it wrote, or rejects with that in the message.
 * @param {string} file
 * @param {string[]} args
 * @param {string} cwd
 * @returns {Promise<string>}
 */
export function run(file, args, cwd) {
  const shell = process.platform === "win32" && file !== process.execPath;
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd, shell, maxBuffer: 2 ** 26, timeout: 300_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${[file, ...args].join(" ")}\n${stdout}${stderr || error.message}`.trim()));
      else resolve(stdout);
    });
  });
}

/** Collects what went wrong, by name, while everything else goes on. */
export class Findings {
  /** @type {string[]} */
  failed = [];
  passed = 0;

  /**
   * @param {string} name
   * @param {() => Promise<unknown> | unknown} check throws what is wrong
   */
  async check(name, check) {
    try {
      await check();
      this.passed++;
    } catch (error) {
      this.failed.push(name);
      const text = error instanceof Error ? error.message : String(error);
      console.error(`FAIL ${name}\n${text.split("\n").slice(0, 12).join("\n").replace(/^/gm, "  ")}`);
    }
  }

  /**
   * Like `check` for every item, on all cores.
   * @template T
   * @param {readonly T[]} items
   * @param {(item: T) => string} nameOf
   * @param {(item: T) => Promise<unknown> | unknown} check
   */
  async checkAll(items, nameOf, check) {
    const left = [...items];
    const work = async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) {
        const mine = item;
        await this.check(nameOf(mine), () => check(mine));
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  }
}
