// Where things lie at the low end of the shared memory, in 32-bit words. The calling thread and the workers both read this.
//
//   0        modules' constants (tooling/build-wasm.mjs reserves 1 KiB)
//   1 KiB    control words, one a cache line
//   2 KiB    table of modules: (address, bytes) pairs
//   3 KiB    text of the first trap
//   4 KiB    ring of commands
//   260 KiB  heap

/** Commands published so far (wraps); the calling thread writes it. */
export const HEAD = 256;
/** Commands finished so far (wraps); the worker that finishes one writes it. */
export const DONE = 272;
/** Workers asleep because nothing is queued. */
export const IDLE = 288;
/** Workers asleep until others finish the command. */
export const BUSY = 304;
/** Not 0: workers leave. */
export const STOP = 320;
/** 0: fine. 1: a trap is being noted. 2: noted, TRAP_KERNEL and the text can be read. */
export const TRAP = 336;
export const TRAP_KERNEL = 337;
/** Length of the text, then one UTF-16 unit a word. */
export const TRAP_TEXT = 768;
export const TRAP_TEXT_MAX = 240;
/** Workers that have left, and touch the memory no more. */
export const LEFT = 368;
/** Which of the devices that used this memory, one after the other, it belongs to. */
export const OWNER = 384;
/** Goes up each time half a ring was finished; a calling thread that may block waits on it. */
export const PROGRESS = 352;

export const MODULES = 512;
export const MODULES_MAX = 128;

export const RING = 1024;
/** Power of two. */
export const SLOTS = 1024;
export const SLOT_WORDS = 64;

// A slot. CLAIM = (sequence << CHUNK_BITS) | chunks not yet claimed: the tag keeps a worker that slept through a whole turn of the ring
// from claiming work of a later command too early.
export const CLAIM = 0;
/** Chunks not yet finished. */
export const PENDING = 1;
/** Index of the module; -1 is a fence, whose id is in FUNCTION. */
export const MODULE = 2;
export const FUNCTION = 3;
export const ITEMS = 4;
/** Items a chunk. */
export const GRAIN = 5;
/** Byte address of the kernel's words. */
export const PARAMS = 6;
/** Scratch of thread t starts at SCRATCH + t·STRIDE. */
export const SCRATCH = 7;
export const STRIDE = 8;
/** Which kernel, for errors. */
export const KERNEL = 9;
/** Chunks in all. */
export const CHUNKS = 10;
/** Not 0: the thread that claims the first chunk and the one that ends the last note the time, two f64 of milliseconds since 1970. */
export const TIMED = 11;
export const BEGUN = 12;
export const ENDED = 14;
export const INLINE = 16;
/** Words that fit in the slot itself. */
export const INLINE_MAX: number = SLOT_WORDS - INLINE;

export const CHUNK_BITS = 12;
export const CHUNKS_MAX: number = 2 ** CHUNK_BITS - 1;

export const HEAP_START: number = (RING + SLOTS * SLOT_WORDS) * 4;
