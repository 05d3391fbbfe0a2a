// node --test page/test
import assert from "node:assert/strict";
import { test } from "node:test";
import { mixtureYaml, moveShare, nameOf, outsideSupport, startFrom } from "../src/mixture.js";

const sum = (values) => values.reduce((a, b) => a + b, 0);

test("the others move in proportion, and locked ones not at all", () => {
  const moved = moveShare([0.4, 0.3, 0.2, 0.1], 0, 0.6, [false, true, false, false]);
  assert.deepEqual(moved.map((share) => +share.toFixed(12)), [0.6, 0.3, 0.066666666667, 0.033333333333]);
});

test("a share goes no further than the locked ones leave room for", () => {
  assert.deepEqual(moveShare([0.5, 0.5, 0], 0, 0.9, [false, true, false]), [0.5, 0.5, 0]);
  assert.equal(moveShare([0.5, 0.5], 0, 0.9, [false, true])[0], 0.5);
});

test("a locked share does not move", () => {
  const shares = [0.5, 0.3, 0.2];
  assert.deepEqual(moveShare(shares, 0, 0.9, [true, false, false]), shares);
});

test("another mixture leaves locked shares alone", () => {
  const found = startFrom([0.2, 0.6, 0.2], [0.5, 0.4, 0.1], [true, false, false]);
  assert.deepEqual(found.map((share) => +share.toFixed(12)), [0.5, 0.375, 0.125]);
  assert.deepEqual(startFrom([1, 0, 0], [0.5, 0.4, 0.1], [true, false, false]), [0.5, 0.25, 0.25]);
  assert.deepEqual(startFrom([0.2, 0.6, 0.2], [0.5, 0.4, 0.1], [false, false, false]), [0.2, 0.6, 0.2]);
  assert.deepEqual(startFrom([0.2, 0.8], [0.5, 0.5], [true, true]), [0.5, 0.5]);
});

test("others that are all 0 share what is left", () => {
  assert.deepEqual(moveShare([1, 0, 0], 0, 0.5, [false, false, false]), [0.5, 0.25, 0.25]);
  assert.deepEqual(moveShare([1, 0, 0], 0, 0.5, [false, false, false], [0.5, 0.75, 0.25]), [0.5, 0.375, 0.125]);
});

test("the sum stays 1 over many moves", () => {
  let shares = [0.25, 0.25, 0.25, 0.25];
  for (let i = 0; i < 1000; i++) shares = moveShare(shares, i % 4, ((i * 7919) % 1000) / 1000, [i % 3 === 0, false, false, false]);
  assert.ok(Math.abs(sum(shares) - 1) < 1e-9);
});

test("shares outside what proxies had", () => {
  assert.deepEqual(outsideSupport([0.1, 0.9], { low: [0.2, 0.1], high: [0.8, 0.9] }), [0]);
});

test("a mixture for baselines is given by its shares, beside the run's baselines", () => {
  const others = { uniform: "uniform", tempered: { tempered: 0.3 }, mine: "natural" };
  assert.equal(mixtureYaml("baselines", "mine", ["deu", "eng"], [0.25, 0.75], others),
    '# in place of the run\'s baseline mine: give another name to keep both\nbaselines:\n  uniform: "uniform"\n  tempered: {"tempered":0.3}\n  mine:\n    shares:\n      deu: 0.250000\n      eng: 0.750000\n');
});

test("names are those that the config takes", () => {
  assert.deepEqual(["My mix", "", "../x", "1", "no", "日本"].map(nameOf), ["my_mix", "what_if", "m__x", "m_1", "m_no", "what_if"]);
});

test("YAML sums to 1 and quotes what YAML would misread", () => {
  const yaml = mixtureYaml("proxies.mixtures", "mine", ["no", "deu", "<script>"], [1 / 3, 1 / 3, 1 / 3]);
  assert.match(yaml, /"no": 0.33333/);
  assert.match(yaml, /"<script>": 0.33333/);
  const parts = [...yaml.matchAll(/: (0\.\d{6})/g)].map((match) => Math.round(match[1] * 1e6));
  assert.equal(sum(parts), 1e6);
  const many = mixtureYaml("proxies.mixtures", "mine", Array.from({ length: 300 }, (_, i) => `c${i}`), Array(300).fill(1 / 300));
  const shares = [...many.matchAll(/: (0\.\d{6})/g)].map((match) => Math.round(match[1] * 1e6));
  assert.equal(sum(shares), 1e6);
  assert.deepEqual([...new Set(shares)].sort(), [3333, 3334]); // no corpus gets all that rounding leaves
});
