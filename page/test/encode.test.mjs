// node --test page/test
import assert from "node:assert/strict";
import { test } from "node:test";
import { entry } from "../src/encode.js";

test("an entry that is no whole characters is shown in hexadecimal, and is not text", () => {
  assert.deepEqual(entry("Ã©", true), { bytes: [0xc3, 0xa9], text: "é", whole: true });
  assert.deepEqual(entry("Ã", true), { bytes: [0xc3], text: "⟨C3⟩", whole: false });
  assert.deepEqual(entry("Ã", false), { bytes: [0xc3, 0x83], text: "Ã", whole: true });
});
