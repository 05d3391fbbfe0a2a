// Tokenizers of the run in the page: @huggingface/tokenizers, fed with their tokenizer.json.
import { Tokenizer } from "@huggingface/tokenizers";

/** A tokenizer that takes special tokens in a text for text, as trex.tokenizer.encode.of_plain_text does. */
export function loadTokenizer(json) {
  // the library spells (?i:...) out in a and A alone, where Unicode has a third s
  const text = JSON.stringify({ ...json, added_tokens: [], post_processor: null }).replaceAll("(?i:'s|", "(?i:'s|'\u017f|");
  return new Tokenizer(JSON.parse(text), {});
}

export const encode = (tokenizer, text) => tokenizer.encode(text, { add_special_tokens: false });

// GPT-2's letters for bytes: those that print stand for themselves, the others follow from 256 on.
const BYTES = new Map();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const prints = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  BYTES.set(String.fromCodePoint(prints ? byte : next++), byte);
}

/** The bytes of a byte-level token as it is spelled in the vocabulary. */
const bytesOf = (token) =>
  [...token].flatMap((letter) => (BYTES.has(letter) ? [BYTES.get(letter)] : utf8(letter)));

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of bytes, or their hexadecimal codes where they are no whole characters: {text, whole}. */
function textOf(bytes) {
  try {
    return { text: strict.decode(Uint8Array.from(bytes)), whole: true };
  } catch {
    return { text: `⟨${bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ")}⟩`, whole: false };
  }
}

/**
 * How a tokenizer.json of a run with this tokenizer.alphabet spells its vocabulary: in GPT-2's letters for bytes
 * ("byte_level"), in Latin-1, a letter a byte ("latin1"), or as text ("text").
 */
export function spellingOf(json, alphabet) {
  if (/"type":\s*"ByteLevel"/.test(JSON.stringify([json.pre_tokenizer, json.decoder]))) return "byte_level";
  return alphabet === "latin1" ? "latin1" : "text";
}

const utf8 = (text) => [...new TextEncoder().encode(text)];

/** Text as tokenizers of a run with this tokenizer.alphabet read it: those of binary corpora read bytes as Latin-1. */
export const readAs = (text, alphabet) => (alphabet === "latin1" ? utf8(text).map((byte) => String.fromCharCode(byte)).join("") : text);

/** The bytes of an entry, its text, and whether that is in whole characters. Our WordPiece marks what is within a word by ＃, which is no letter of a byte. */
export function entry(spelled, spelling) {
  if (spelling === "text") return { bytes: utf8(spelled), text: spelled, whole: true };
  const bytes = spelling === "latin1" ? Array.from(spelled, (letter) => letter.charCodeAt(0)) : bytesOf(spelled.replace(/^＃(?=.)/u, ""));
  return { bytes, ...textOf(bytes) };
}

/** Text in which spaces and signs that do not print can be seen. */
export const seen = (text) =>
  text.replace(/ /g, "␣").replace(/[\p{C}\p{Z}]/gu, (sign) => `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`);
