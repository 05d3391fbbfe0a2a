// node encode.mjs CASES.json RESULT.json: the ids of texts by tokenizers, for tests/test_page.py.
import { readFileSync, writeFileSync } from "node:fs";
import { encode, loadTokenizer } from "../src/encode.js";

const [, , input, output] = process.argv;
const cases = JSON.parse(readFileSync(input, "utf8"));
const found = cases.map(({ json, texts }) => {
  const tokenizer = loadTokenizer(json);
  return texts.map((text) => encode(tokenizer, text).ids);
});
writeFileSync(output, JSON.stringify(found));
