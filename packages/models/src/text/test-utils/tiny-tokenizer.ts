/** GPT-2's printable stand-ins for bytes: Latin-1 where it prints, else 256 and up. */
function byteCharacters(): string[] {
  let next = 256;
  const prints = (b: number): boolean => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(prints(b) ? b : next++));
}

const MERGES = ["t h", "th e", "Ġ the", "Ġ w", "h a", "Ġw ha", "l e", "Ġwha le"];
const SPECIAL = "<|end|>";

/** A byte-level BPE of 256 bytes, eight merges and one special token, as tokenizer.json and tokenizer_config.json. */
export function tinyTokenizer(): { json: Record<string, unknown>; config: Record<string, unknown>; size: number } {
  const tokens = [...byteCharacters(), ...MERGES.map((merge) => merge.replace(" ", "")), SPECIAL];
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const end = { id: tokens.length - 1, content: SPECIAL, special: true };
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [{ ...end, single_word: false, lstrip: false, rstrip: false, normalized: false }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: MERGES,
    },
  };
  const config = { tokenizer_class: "GPT2Tokenizer", eos_token: SPECIAL, clean_up_tokenization_spaces: false };
  return { json, config, size: tokens.length };
}
