import {
  ConfigError,
  checkCall,
  type Device,
  DisposedByUsing,
  type FieldsOf,
  field,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { type KeyMask, layerNorm, linear } from "@dilated/kernels";
import { poolTokens } from "../heads/heads.ts";
import { checkMask, prependToMask } from "../layers/masks.ts";
import { drop, noisePlans } from "../layers/noise.ts";
import { Initializer, initLinear, initNorm, type LinearParameters, type NormParameters } from "../layers/parameters.ts";
import { prependToken, sliceTokens } from "../layers/tokens.ts";
import { CONFIG, checkSameParameters, SLIDE_ENCODER } from "../options/kinds.ts";
import { CREATE, FORWARD } from "../stack/forward-options.ts";
import { disposeTree, type ForwardOptions, initStack, runStack, type StackParameters } from "../stack/stack.ts";
import { type LongNetViTConfig, type LongNetViTOptions, vitConfig } from "./config.ts";
import { addGridPositions, type TileCoordinates } from "./grid.ts";

/** Weights of a LongNetViT, by name. */
export interface LongNetViTParameters {
  /** [E, C] */
  readonly patch: LinearParameters;
  /** [1, 1, E] */
  readonly classToken?: Tensor;
  /** [grid², E] */
  readonly gridPositions?: Tensor;
  readonly encoder: StackParameters;
  readonly norm: NormParameters;
}

/** Tiles of B slides, or patches of B images. */
export interface Slides {
  /** [B, L, C] */
  readonly tiles: Tensor;
  /** [B, L, 2]: x and y in pixels. */
  readonly coordinates: TileCoordinates;
}

const SLIDES: FieldsOf<Slides> = { tiles: field.tensor("[B, L, C]"), coordinates: field.numbers() };
const CALL = { slides: field.object(SLIDES), options: FORWARD };
const CONSTRUCTOR = { device: field.device(), config: CONFIG, parameters: SLIDE_ENCODER };
const PARAMETERS = { parameters: SLIDE_ENCODER };

/**
 * Slide and image encoder: projected tiles with 2-D positions and a class token, through a LongNet encoder.
 *
 * @see Prov-GigaPath (Xu et al., Nature 2024), LongViT (arXiv 2312.03558)
 */
export class LongNetViT extends DisposedByUsing {
  readonly kind = "longnet-vit";
  readonly device: Device;
  readonly config: LongNetViTConfig;
  readonly parameters: LongNetViTParameters;

  /** Use {@link createLongNetViT}. */
  constructor(device: Device, config: LongNetViTConfig, parameters: LongNetViTParameters) {
    super();
    checkCall("LongNetViT", CONSTRUCTOR, arguments);
    this.device = device;
    this.config = config;
    this.parameters = parameters;
  }

  /**
   * slides -> embeddings [B, E]
   *
   * @param options - `keyMask` [B, L] hides tiles that are padding, from attention and from the mean; the class token
   * always counts
   * @throws ShapeError, LimitError for tiles that do not fit; ConfigError for `cuSeqlens`: each slide is a sample.
   */
  forward(slides: Slides, options: ForwardOptions = {}): Tensor {
    checkCall("LongNetViT.forward", CALL, arguments, this.device);
    return this.device.scope(() => this.#pool(this.#run(slides, options), options.keyMask));
  }

  /** slides -> embeddings [B, E] of what the first layer gets and of what each layer gives: layers + 1 of them. */
  allLayers(slides: Slides, options: ForwardOptions = {}): Tensor[] {
    checkCall("LongNetViT.allLayers", CALL, arguments, this.device);
    return this.device.scope(() => {
      const pooled: Tensor[] = [];
      this.#run(slides, options, (state) => pooled.push(this.#pool(state, options.keyMask)));
      return pooled;
    });
  }

  /** slides -> final states of the tiles, [B, L, E], the class token left out */
  tileStates(slides: Slides, options: ForwardOptions = {}): Tensor {
    checkCall("LongNetViT.tileStates", CALL, arguments, this.device);
    return this.device.scope(() => this.#tiles(this.#run(slides, options)));
  }

  /** The same encoder over other weights of the same shapes, which stay the caller's to free. */
  withParameters(parameters: LongNetViTParameters): LongNetViT {
    checkCall("LongNetViT.withParameters", PARAMETERS, arguments, this.device);
    checkSameParameters("LongNetViT.withParameters", parameters, this.parameters);
    return new LongNetViT(this.device, this.config, parameters);
  }

  /** Frees the weights. */
  dispose(): void {
    disposeTree(this.parameters);
  }

  #run(slides: Slides, options: ForwardOptions, onState?: (state: Tensor) => void): Tensor {
    const { tiles, coordinates } = slides;
    const { config, parameters: p } = this;
    const { layers, tileDim } = config;
    if (tiles.rank !== 3 || tiles.shape[2] !== tileDim) {
      throw new ShapeError(`LongNetViT: tiles must be [B, L, ${tileDim}]`, {
        details: [String(tiles)],
        fix: "use the tile encoder that the model was made for, or set tileDim",
      });
    }
    const [B = 1, L = 0] = tiles.shape;
    const { keyMask } = options;
    checkMask("LongNetViT: keyMask", keyMask, B, [L]);
    if (options.starts !== undefined || options.attend !== undefined) {
      throw new ConfigError("LongNetViT: attend and starts are of decoding, which slide encoders do not", {
        fix: "leave them out",
      });
    }
    if (options.cuSeqlens !== undefined) {
      throw new ConfigError("LongNetViT: slides are not packed", {
        details: ["cuSeqlens: there is one class token, and one embedding, for each of B samples"],
        fix: "give each slide a row of its own, and mask the tiles that fill it up",
      });
    }
    const mask = keyMask && p.classToken ? prependToMask(this.device, keyMask, B, L) : keyMask;
    const x = this.device.scope(() => {
      const projected = linear(tiles, p.patch.weight, p.patch.bias);
      const placed = addGridPositions(projected, coordinates, config, p.gridPositions);
      const tokens = p.classToken ? prependToken(placed, p.classToken) : placed;
      return drop(tokens, config.dropout, noisePlans(config, options.dropoutSeed)(layers));
    });
    const depth = { role: "encoder", layers } as const;
    return runStack(x, p.encoder, config, { ...options, keyMask: mask, causal: false, depth, onState });
  }

  #tiles(states: Tensor): Tensor {
    return sliceTokens(states, this.parameters.classToken ? 1 : 0, states.shape[1] ?? 0);
  }

  /** [B, N, E] -> [B, E] */
  #pool(states: Tensor, keyMask: KeyMask | undefined): Tensor {
    const { norm } = this.parameters;
    return this.device.scope(() => {
      const pooled =
        this.config.pool === "class" ? poolTokens(sliceTokens(states, 0, 1)) : poolTokens(this.#tiles(states), keyMask);
      return layerNorm(pooled, norm.weight, norm.bias, { eps: this.config.poolEps });
    });
  }
}

/**
 * Makes a slide encoder with fresh weights.
 *
 * @throws ConfigError that lists every bad field.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createLongNetViT } from "@dilated/models";
 * const device = await openDevice();
 * const branches = [{ segment: 16, dilation: 1 }, { segment: 64, dilation: 2 }];
 * const model = createLongNetViT(device, { tileDim: 24, dim: 32, layers: 2, heads: 4, branches });
 * const tiles = device.randomNormal([1, 3, 24], { seed: 1 }); // what a tile encoder gave
 * const embedding = model.forward({ tiles, coordinates: [0, 0, 256, 0, 0, 512] }); // [1, 32]
 * device.dispose();
 * ```
 */
export function createLongNetViT(
  device: Device,
  config: LongNetViTOptions,
  options: { seed?: number } = {},
): LongNetViT {
  checkCall("createLongNetViT", CREATE, arguments);
  const resolved = vitConfig("createLongNetViT", config);
  return new LongNetViT(device, resolved, initLongNetViT(new Initializer(device, options.seed ?? 0), resolved));
}

/** Fresh weights of a slide encoder. */
export function initLongNetViT(init: Initializer, config: LongNetViTConfig): LongNetViTParameters {
  const { tileDim, dim, layers, grid } = config;
  return init.all(() => ({
    patch: initLinear(init, tileDim, dim, 1, "patch"),
    ...(config.classToken ? { classToken: init.normal([1, 1, dim], 0.02, "classToken") } : {}),
    ...(config.gridPosition === "learned"
      ? { gridPositions: init.normal([grid ** 2, dim], 0.02, "gridPositions") }
      : {}),
    encoder: initStack(init, config, { role: "encoder", layers }, { label: "encoder." }),
    norm: initNorm(init, dim, "norm"),
  }));
}
