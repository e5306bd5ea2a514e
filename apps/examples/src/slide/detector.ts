import { type Device, deriveSeed, reshape, type Tensor } from "@dilated/core";
import { crossEntropy, matmul, max } from "@dilated/kernels";
import {
  classify,
  createLongNetViT,
  type HeadParameters,
  Initializer,
  initHead,
  LongNetViT,
  type LongNetViTConfig,
  type LongNetViTOptions,
  type LongNetViTParameters,
  type Slides,
  type Trainable,
} from "@dilated/models";

/** Slides and what is known of them. */
export interface LabelledSlides extends Slides {
  /** [B] diagnoses: 1 abnormal, 0 healthy. Or [B, L] marks of the tiles, where -1 is not known. */
  readonly labels: Tensor;
}

/** Weights of a {@link Detector}. */
export interface DetectorParameters {
  readonly vit: LongNetViTParameters;
  readonly head: HeadParameters;
}

/** Finds abnormal tiles. */
export interface Detector extends Trainable<LabelledSlides> {
  readonly config: LongNetViTConfig;
  readonly parameters: DetectorParameters;
  /** slides -> a score for each tile, [B, L]: above 0 is abnormal, as far as the whole slide says. */
  scores(slides: Slides): Tensor;
}

/**
 * A LongNetViT with a score for each tile's final state. A slide is as abnormal as its worst tile, so a diagnosis trains the tile with the
 * highest score.
 *
 * @see Campanella et al., "Clinical-grade computational pathology using weakly supervised deep learning" (Nature Medicine 2019), for max-pooling
 */
export function createDetector(device: Device, options: LongNetViTOptions, seed: number): Detector {
  const { config, parameters } = createLongNetViT(device, options, { seed });
  const head = initHead(new Initializer(device, deriveSeed(seed, 1)), { dim: config.dim, out: 1 });
  return {
    device,
    config,
    parameters: { vit: parameters, head },
    scores(slides) {
      const [B = 0, L = 0] = slides.tiles.shape;
      const states = new LongNetViT(device, config, this.parameters.vit).tileStates(slides);
      return reshape(classify(states, this.parameters.head), [B, L]);
    },
    loss({ labels, ...slides }) {
      const scores = this.scores(slides);
      return binaryCrossEntropy(labels.rank === 2 ? scores : max(scores, { axis: 1 }), labels);
    },
  };
}

/** Mean over what is known; a score is the logit of "abnormal". */
function binaryCrossEntropy(scores: Tensor, labels: Tensor): Tensor {
  const { device, size } = scores;
  const pairs = matmul(reshape(scores, [size, 1]), device.tensor([0, 1], [1, 2])); // "healthy" has the logit 0
  return crossEntropy(pairs, reshape(labels, [size]));
}
