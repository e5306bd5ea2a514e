import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AbortedError, FileError } from "@dilated/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readStateDict } from "../checkpoint/read-weights.ts";
import { weightsOf } from "../checkpoint/test-utils/weights.ts";
import { writeWeights } from "../checkpoint/write-weights.ts";
import { openFolder } from "./folder.ts";
import { isDead, isOwner, processName } from "./process-name.ts";
import { temporaryFolder } from "./test-utils/temporary.ts";
import { TURN, takeTurn } from "./turns.ts";

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const quick = { pause: 1, looks: 20 };
const elsewhere = "0123456789ab-1-0-0123456789ab";

/** A turn as another process leaves it. */
async function leave(owner: string): Promise<void> {
  await mkdir(join(folder, TURN), { recursive: true });
  await writeFile(join(folder, TURN, owner), "");
}

describe("a turn", () => {
  it("is one at a time, and leaves nothing", async () => {
    let inside = 0;
    const order: number[] = [];
    const work = async (i: number): Promise<void> => {
      const turn = await takeTurn(folder, undefined, { pause: 1, looks: 1e9 });
      inside += 1;
      expect(inside).toBe(1);
      for (let tick = 0; tick < 5; tick++) await turn.check();
      order.push(i);
      inside -= 1;
      await turn.end();
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => work(i)));
    expect(order.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(await readdir(folder)).toEqual([]);
  });

  it("that an ended process left is taken over at once, and what it left while it waited is removed", async () => {
    const ended = spawnSync(process.execPath, ["-e", "0"]).pid;
    const owner = `${(await processName()).replace(/-\d+-/, `-${ended}-`)}-0123456789ab`;
    expect([isOwner(owner), await isDead(owner)]).toEqual([true, true]);
    await leave(owner);
    await mkdir(join(folder, `${TURN}-${owner}`));
    await (await takeTurn(folder, undefined, { pause: 1, looks: 1e9 })).end();
    expect(await readdir(folder)).toEqual([]);
  });

  it("of a process whose number was given again is taken over, too", async () => {
    const [place, pid, start] = (await processName()).split("-");
    if (start === "0") return; // this system does not tell when a process started
    expect(await isDead(`${place}-${pid}-${start}-0123456789ab`)).toBe(false);
    expect(await isDead(`${place}-${pid}-${Number(start) - 1}-0123456789ab`)).toBe(true);
  });

  it("of another machine is taken over when it gives no sign of life, and not before", async () => {
    expect(await isDead(elsewhere)).toBe(false);
    await leave(elsewhere);
    const file = join(folder, TURN, elsewhere);
    let signs = 0;
    const alive = setInterval(() => {
      signs += 1;
      if (signs === 30) clearInterval(alive);
      void utimes(file, signs, signs);
    }, 1);
    const turn = await takeTurn(folder, undefined, { pause: 1, looks: 40 });
    expect(signs).toBe(30);
    await turn.end();
  });

  it("that was taken over ends its save with an error, and touches nothing of the other's", async () => {
    const turn = await takeTurn(folder);
    const [mine] = await readdir(join(folder, TURN));
    await rm(join(folder, TURN, mine as string));
    const other = await takeTurn(folder, undefined, quick);
    await expect(turn.check()).rejects.toThrow(FileError);
    await turn.end();
    await other.check();
    await other.end();
  });

  it("is waited for until a signal", async () => {
    await leave(elsewhere);
    const stop = new AbortController();
    const waiting = writeWeights(openFolder(folder), weightsOf(1), { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toThrow(AbortedError);
    expect(await readdir(folder)).toEqual([TURN]);
  });

  it.each<[string, (turn: string) => Promise<unknown>]>([
    ["a file", (turn) => writeFile(turn, "mine")],
    ["a folder of somebody's", async (turn) => [await mkdir(turn), await writeFile(join(turn, "mine"), "mine")]],
    [
      "a link to one",
      async (turn) => [
        await mkdir(join(folder, "theirs")),
        await writeFile(join(folder, "theirs", elsewhere), "mine"),
        await symlink(join(folder, "theirs"), turn),
      ],
    ],
  ])("that is %s in the way is an error, and is not touched", async (_, make) => {
    await make(join(folder, TURN));
    await expect(writeWeights(openFolder(folder), weightsOf(1))).rejects.toThrow(FileError);
    expect(await readdir(folder)).toContain(TURN);
    expect((await readdir(folder)).filter((name) => name.startsWith(`${TURN}-`))).toEqual([]);
    const theirs = join(folder, "theirs", elsewhere);
    if (_ === "a link to one") expect(await readFile(theirs, "utf8")).toBe("mine");
  });
});

describe("readers", () => {
  it.each([
    ["shards by shards", 32, 32],
    ["shards by one file", 32, 1e9],
    ["one file by shards", 1e9, 32],
  ])("see one version or the other while %s are replaced before each of their reads", async (_, before, after) => {
    for (let n = 0; n < 8; n++) {
      const store = openFolder(folder);
      await writeWeights(store, weightsOf(1), { maxShardBytes: before });
      let reads = 0;
      const read: typeof store.read = async (name) => {
        if (reads++ === n) await writeWeights(store, weightsOf(2), { maxShardBytes: after });
        return store.read(name);
      };
      const state = await readStateDict({ ...store, read });
      const values = new Set([...state.values()].flatMap(({ data }) => [...data]));
      expect([state.size, values.size]).toEqual([5, 1]);
    }
  });

  it("take a turn where saves are faster than they are", async () => {
    const store = openFolder(folder);
    let value = 0;
    const save = () => writeWeights(store, weightsOf(++value), { maxShardBytes: 32 });
    await save();
    let free = true;
    const read: typeof store.read = async (name) => {
      if (free && name.startsWith("model-")) await save();
      return store.read(name);
    };
    const exclusive: typeof store.exclusive = (work) => {
      free = false;
      return work();
    };
    expect((await readStateDict({ ...store, read, exclusive })).size).toBe(5);
    expect(free).toBe(false);
  });
});
