// node --test page/test
import assert from "node:assert/strict";
import { test } from "node:test";
import { entry, readAs } from "../src/encode.js";

test("an entry that is no whole characters is shown in hexadecimal, and is not text", () => {
  assert.deepEqual(entry("Ã©", "byte_level"), { bytes: [0xc3, 0xa9], text: "é", whole: true });
  assert.deepEqual(entry("Ã", "byte_level"), { bytes: [0xc3], text: "⟨C3⟩", whole: false });
  assert.deepEqual(entry("Ã", "text"), { bytes: [0xc3, 0x83], text: "Ã", whole: true });
});

test("tokenizers of bytes read text as its UTF-8, and their entries are bytes", () => {
  assert.equal(readAs("aé", "latin1"), "aÃ©");
  assert.equal(readAs("aé", "utf8"), "aé");
  assert.deepEqual(entry("Ã©", "latin1"), { bytes: [0xc3, 0xa9], text: "é", whole: true });
  assert.deepEqual(entry("Ã", "latin1"), { bytes: [0xc3], text: "⟨C3⟩", whole: false });
});
