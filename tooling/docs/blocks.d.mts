export const OUTPUT: string;
export function blocksOf(text: string): string[];
export function testOf(block: string, name: string): string;
export function writeBlocks(root: string): void;
