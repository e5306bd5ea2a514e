import * as at from "./layout.ts";

/**
 * Body of a worker: a function expression, as text, of ({ memory, thread }, post). It is text because a worker has to start from one
 * file-less source in Node, in browsers and behind any bundler. It never returns while the device lives, so it receives no messages:
 * everything comes through the shared memory.
 *
 * All workers look at the same command, claim chunks of its items until none are left, and the one that finishes the last chunk
 * moves DONE forward. A worker that is late finds nothing left and goes on: nobody waits for a thread that the system has not woken.
 */
export const workerSource: string = `({ memory, thread }, post) => {
  const words = new Int32Array(memory.buffer, 0, ${at.HEAP_START / 4});
  const times = new Float64Array(memory.buffer, 0, ${at.HEAP_START / 8});
  const noteTime = (word) => {
    times[word / 2] = performance.timeOrigin + performance.now();
  };
  const instances = [];
  const SPINS = 4000; // about 20 µs: longer than a gap between two launches, shorter than waking up

  const functionsOf = (module) => {
    if (instances[module]) return instances[module];
    const address = words[${at.MODULES} + 2 * module] >>> 0;
    const bytes = new Uint8Array(memory.buffer, address, words[${at.MODULES} + 2 * module + 1]).slice();
    const compiled = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    const names = WebAssembly.Module.exports(compiled).filter((entry) => entry.kind === "function");
    return (instances[module] = names.map((entry) => exports[entry.name]));
  };

  const noteTrap = (slot, error) => {
    if (Atomics.compareExchange(words, ${at.TRAP}, 0, 1) !== 0) return;
    const text = String((error && error.message) || error).slice(0, ${at.TRAP_TEXT_MAX});
    words[${at.TRAP_KERNEL}] = words[slot + ${at.KERNEL}];
    words[${at.TRAP_TEXT}] = text.length;
    for (let i = 0; i < text.length; i++) words[${at.TRAP_TEXT} + 1 + i] = text.charCodeAt(i);
    Atomics.store(words, ${at.TRAP}, 2);
  };

  const runChunk = (slot, chunk) => {
    const module = words[slot + ${at.MODULE}];
    if (module < 0) return post(words[slot + ${at.FUNCTION}]);
    if (Atomics.load(words, ${at.TRAP}) !== 0) return; // what it would read is undefined
    try {
      const grain = words[slot + ${at.GRAIN}];
      const begin = chunk * grain;
      const end = Math.min(words[slot + ${at.ITEMS}], begin + grain);
      const scratch = (words[slot + ${at.SCRATCH}] >>> 0) + thread * words[slot + ${at.STRIDE}];
      functionsOf(module)[words[slot + ${at.FUNCTION}]](words[slot + ${at.PARAMS}], begin, end, scratch);
    } catch (error) {
      noteTrap(slot, error);
    }
  };

  /** Spins a little, then sleeps, until words[index] is no longer \`seen\`. */
  const waitWhile = (index, seen, sleepers) => {
    for (let i = 0; i < SPINS; i++) if (Atomics.load(words, index) !== seen) return;
    Atomics.add(words, sleepers, 1);
    Atomics.wait(words, index, seen);
    Atomics.sub(words, sleepers, 1);
  };

  post(-1); // ready
  while (Atomics.load(words, ${at.STOP}) === 0) {
    const done = Atomics.load(words, ${at.DONE});
    const head = Atomics.load(words, ${at.HEAD});
    if (head === done) {
      waitWhile(${at.HEAD}, head, ${at.IDLE});
      continue;
    }
    const slot = ${at.RING} + (done & ${at.SLOTS - 1}) * ${at.SLOT_WORDS};
    const claim = Atomics.load(words, slot);
    if (claim >>> ${at.CHUNK_BITS} !== (done << ${at.CHUNK_BITS}) >>> ${at.CHUNK_BITS}) continue; // late: the others went on
    const left = claim & ${at.CHUNKS_MAX};
    if (left === 0) {
      waitWhile(${at.DONE}, done, ${at.BUSY});
      continue;
    }
    if (Atomics.compareExchange(words, slot, claim, claim - 1) !== claim) continue;
    const timed = words[slot + ${at.TIMED}] !== 0;
    if (timed && left === words[slot + ${at.CHUNKS}]) noteTime(slot + ${at.BEGUN});
    runChunk(slot, left - 1);
    if (Atomics.sub(words, slot + ${at.PENDING}, 1) !== 1) continue;
    if (timed) noteTime(slot + ${at.ENDED});
    Atomics.store(words, ${at.DONE}, (done + 1) | 0);
    if (Atomics.load(words, ${at.BUSY}) > 0) Atomics.notify(words, ${at.DONE});
    if ((done & ${at.SLOTS / 2 - 1}) === ${at.SLOTS / 2 - 1}) {
      Atomics.add(words, ${at.PROGRESS}, 1);
      Atomics.notify(words, ${at.PROGRESS});
      post(0);
    }
  }
  Atomics.add(words, ${at.LEFT}, 1);
  globalThis.close?.(); // a page's worker stays for messages; Node's ends by itself
}`;
