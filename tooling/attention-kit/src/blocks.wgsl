// Schedule of block lists: a tile lies in one block of rows and visits the blocks of columns that a list names.
//
// plan: [tiles x (first row, count, block of rows)] [H x (row_blocks + 1) offsets into the lists] [lists of blocks of
// columns] [where keys are packed, their (place, position) pairs], all u32.

struct Walk {
  block: u32,
  next: u32,
  end: u32,
}

var<workgroup> walk: Walk;

fn open_tile(index: u32) {
  tile.place = plan[index * 3u];
  tile.first = tile.place;
  tile.count = plan[index * 3u + 1u];
  tile.last = tile.first + tile.count - 1u;
  walk.block = plan[index * 3u + 2u];
#if GATHERED
  tile.list = select(0u, params.pairs_at + 2u * tile.place, TRANSPOSED);
#end
}

fn row_takes_part(position: u32) -> bool { return true; }

fn open_runs(head: u32) {
  run.head = head;
  let at = params.lists_at + head * (params.row_blocks + 1u) + walk.block;
  walk.next = plan[at];
  walk.end = plan[at + 1u];
}

fn next_run() {
  run.live = u32(walk.next < walk.end);
  if (run.live == 0u) { return; }
  run.first = plan[walk.next] * params.block;
  run.place = run.first;
  walk.next += 1u;
  run.part = 0u;
  run.step = 1u;
  run.pitch = 1u;
  run.begin = 0u;
  run.end = min(params.block, params.columns - run.first);
  run.zeros = 0u;
  run.whole = 1u;
  run.low = select(params.low, -params.high, TRANSPOSED);
  run.high = select(params.high, -params.low, TRANSPOSED);
#if GATHERED
  run.list = select(params.pairs_at + 2u * run.first, 0u, TRANSPOSED);
#end
}
