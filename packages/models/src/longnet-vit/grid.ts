import { LimitError, reshape, ShapeError, type Tensor } from "@dilated/core";
import { add, embedding, sinusoidPositions } from "@dilated/kernels";
import type { LongNetViTConfig } from "./config.ts";

/** Where tiles lie: x and y in pixels, tile by tile, as numbers in row-major order of [B, L, 2]. */
export type TileCoordinates = ArrayLike<number>;

/**
 * x [B, L, E] plus what stands for the place of each tile.
 *
 * sincos: the halves of E hold row and column (y first), each all sines and then all cosines; as Prov-GigaPath's table, computed for `grid` places
 * instead of grid² of them.
 *
 * @param table - learned places [grid², E], row by row: place (x, y) is y·grid + x, as a convolution over patches orders them
 * @throws ShapeError when there are not two coordinates a tile; LimitError when one is outside the grid.
 * @see Prov-GigaPath, `slide_encoder.coords_to_pos` and `pos_embed.get_2d_sincos_pos_embed`
 */
export function addGridPositions(
  x: Tensor,
  coordinates: TileCoordinates,
  config: Pick<LongNetViTConfig, "grid" | "tileSize" | "gridPosition">,
  table?: Tensor,
): Tensor {
  const { gridPosition, grid } = config;
  const [B = 1, L = 0, E = 0] = x.shape;
  const cells = gridCells(coordinates, { B, L }, config);
  if (gridPosition === "none") return x;
  const { device, dtype } = x;
  if (gridPosition === "learned" && table) {
    const places = Int32Array.from({ length: B * L }, (_, i) => (cells[2 * i + 1] ?? 0) * grid + (cells[2 * i] ?? 0));
    return add(x, embedding(table, device.tensor(places, [B, L], { dtype: "i32", label: "tile places" })));
  }
  const rowThenColumn = Int32Array.from(cells, (_, i) => cells[i ^ 1] ?? 0);
  const half = sinusoidPositions(device, grid, E / 2, { interleaved: false, dtype: dtype as "f32" });
  const ids = device.tensor(rowThenColumn, [B, L, 2], { dtype: "i32", label: "tile places" });
  return add(x, reshape(embedding(half, ids), [B, L, E]));
}

/** Column and row of each tile, as [B, L, 2]. */
function gridCells(
  coordinates: TileCoordinates,
  { B, L }: { readonly B: number; readonly L: number },
  { grid, tileSize }: Pick<LongNetViTConfig, "grid" | "tileSize">,
): Int32Array {
  if (coordinates.length !== 2 * B * L) {
    throw new ShapeError("LongNetViT: there must be two coordinates a tile", {
      details: [`tiles: ${B} x ${L}`, `coordinates: ${coordinates.length}; expected: ${2 * B * L}`],
      fix: "pass x and y of each tile, in pixels",
    });
  }
  return Int32Array.from({ length: coordinates.length }, (_, i) => {
    const cell = Math.floor(Number(coordinates[i]) / tileSize);
    if (cell >= 0 && cell < grid) return cell;
    throw new LimitError(`LongNetViT: tile ${Math.floor(i / 2)} lies outside the grid`, {
      details: [
        `${i % 2 === 0 ? "x" : "y"}: ${String(coordinates[i])} pixels`,
        `grid: 0 to ${grid * tileSize - 1} pixels (${grid} tiles of ${tileSize})`,
      ],
      fix: "shift the slide to the origin, or make the model with a larger grid",
    });
  });
}
