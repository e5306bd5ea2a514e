import { expect, it } from "vitest";
import { entries } from "./tar.mjs";

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  return block;
}

it("reads every file of an archive, whatever its size", () => {
  const texts = ["", "short", "x".repeat(512), "y".repeat(513)];
  const blocks = texts.flatMap((text, i) => {
    const padded = Buffer.alloc(Math.ceil(text.length / 512) * 512);
    padded.write(text);
    return [header(`file${i}`, text.length), padded];
  });
  const archive = Buffer.concat([...blocks, Buffer.alloc(1024)]);
  const read = [...entries(archive)].map(({ name, bytes }) => [name, bytes.toString()]);
  expect(read).toEqual(texts.map((text, i) => [`file${i}`, text]));
});
