import { LimitError, type Tensor } from "@dilated/core";

/** tokens [B, N + 1] -> inputs and targets [B, N], shifted by one. */
export function splitTokens(tokens: Tensor): { inputs: Tensor; targets: Tensor } {
  const { device, dtype } = tokens;
  const [B = 1, length = 0] = tokens.shape;
  const N = length - 1;
  const inputs = device.empty([B, N], { dtype, label: "tokens.inputs" });
  const targets = device.empty([B, N], { dtype, label: "tokens.targets" });
  for (let b = 0; b < B; b++) {
    device.copy(tokens, inputs, { from: b * length, to: b * N, count: N });
    device.copy(tokens, targets, { from: b * length + 1, to: b * N, count: N });
  }
  return { inputs, targets };
}

/** @throws LimitError when a token is not in [0, vocab). */
export function checkTokenRange(caller: string, tokens: ArrayLike<number>, vocab: number): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as number;
    if (!(Number.isInteger(token) && token >= 0 && token < vocab)) {
      throw new LimitError(`${caller}: token ${token} at position ${i} is outside the vocabulary`, {
        details: [`vocabulary: 0 to ${vocab - 1}`],
        fix: "use the tokenizer that the model was made for",
      });
    }
  }
}
