import { beforeAll, expect, test } from "vitest";
import { FEATURES, tileFeatures } from "./features.ts";
import { makeSlide, pixelOf, type Slide, TILE } from "./slide.ts";
import { loadSection, type Section } from "./source.ts";
import { mix, unmix } from "./stain.ts";

let section: Section;
beforeAll(async () => {
  section = await loadSection();
});
const slideOf = (abnormal: boolean, seed = 1, tiles = 150): Slide =>
  makeSlide({ tissue: section.train, tiles, abnormal, seed });

test("the section is real tissue in four squares, brown glands and blue nuclei in each", () => {
  for (const { width, height, stains } of [...section.train, ...section.heldOut]) {
    expect([width, height]).toEqual([256, 256]);
    const share = (stain: number, least: number) => {
      let count = 0;
      for (let i = stain; i < stains.length; i += 3) if ((stains[i] as number) > least) count++;
      return count / (width * height);
    };
    expect(share(0, 0.4)).toBeGreaterThan(0.02);
    expect(share(1, 0.6)).toBeGreaterThan(0.05);
  }
});

test("stains are told apart as they were put on", () => {
  const amounts = Float32Array.of(0.5, 0.2, 0, 0.1, 0.9, 0.05, 0, 0, 0);
  const rgba = new Uint8ClampedArray(12);
  mix(amounts, 0, 3, rgba, 0, 1, 1);
  const found = new Float32Array(9);
  unmix(rgba, 0, 3, found, 0);
  for (const [i, amount] of amounts.entries()) expect(Math.abs((found[i] as number) - amount)).toBeLessThan(0.03);
  expect([...rgba.slice(8, 12)]).toEqual([255, 255, 255, 255]);
});

test("a slide has exactly the tiles asked for, each once, inside the picture", () => {
  const { places, columns, coordinates, image } = slideOf(false);
  expect(places).toHaveLength(150);
  expect(new Set(places).size).toBe(150);
  expect(places).toEqual(places.slice().sort());
  places.forEach((place, tile) => {
    const corner = pixelOf(place, columns);
    expect([coordinates[2 * tile], coordinates[2 * tile + 1]]).toEqual([
      corner % image.width,
      Math.floor(corner / image.width),
    ]);
  });
  expect(Math.max(...coordinates) + TILE).toBeLessThanOrEqual(Math.max(image.width, image.height));
});

test("equal seeds give equal slides, others do not", () => {
  const [a, same, other] = [slideOf(true), slideOf(true), slideOf(true, 2)];
  expect([same.places, same.planted]).toEqual([a.places, a.planted]);
  const equal = (x: Slide, y: Slide) => Buffer.from(x.image.data).equals(Buffer.from(y.image.data));
  expect(equal(same, a)).toBe(true);
  expect(equal(other, a)).toBe(false);
});

test("planted tiles are a few neighbours, browner than the rest; a healthy slide has none", () => {
  expect(slideOf(false).planted).toHaveLength(0);
  for (const seed of [1, 2, 3]) {
    const slide = slideOf(true, seed, 400);
    const count = slide.planted.length;
    expect(count).toBeGreaterThanOrEqual(4);
    expect(count).toBeLessThanOrEqual(10);
    for (const tile of slide.planted) {
      const place = slide.places[tile] as number;
      const beside = [1, -1, slide.columns, -slide.columns].map((step) => slide.places.indexOf(place + step));
      expect(beside.some((neighbour) => slide.planted.includes(neighbour))).toBe(true);
    }
    const features = tileFeatures(slide);
    const meanDab = (tile: number) => features[tile * FEATURES + FEATURES / 2] as number;
    const sorted = Array.from(slide.places, (_, tile) => meanDab(tile)).sort((a, b) => b - a);
    const planted = Array.from(slide.planted, meanDab).reduce((a, b) => a + b, 0) / count;
    expect(planted).toBeGreaterThan(sorted[Math.floor(0.1 * sorted.length)] as number);
  }
});

test("without the excess there would be nothing to see: staining differs as much from slide to slide", () => {
  const medians = Array.from({ length: 12 }, (_, seed) => {
    const features = tileFeatures(slideOf(false, seed));
    const dab = Array.from({ length: 150 }, (_, tile) => features[tile * FEATURES + FEATURES / 2] as number);
    return dab.sort((a, b) => a - b)[75] as number;
  });
  expect(Math.max(...medians) - Math.min(...medians)).toBeGreaterThan(Math.log(2));
});
