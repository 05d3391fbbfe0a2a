// node predict.mjs CASES.json RESULT.json: evaluates surfaces at mixtures and writes what it predicts, for tests/test_page.py.
import { readFileSync, writeFileSync } from "node:fs";
import { objectiveOf, objectiveStd } from "../src/objective.js";
import { loadSurface } from "../src/surfaces.js";

const [, , input, output] = process.argv;
const cases = JSON.parse(readFileSync(input, "utf8"));
const found = {};
for (const [name, { surface, residuals, shares, objective }] of Object.entries(cases)) {
  const loaded = loadSurface(surface);
  const mean = [], std = [], value = [], valueStd = [];
  for (const row of shares) {
    const at = loaded.predict(row);
    mean.push(at.mean);
    std.push(at.std);
    if (objective) {
      value.push(objectiveOf(at.mean, objective));
      valueStd.push(objectiveStd(at.mean, at.std, residuals, objective));
    }
  }
  found[name] = { mean, std, value, valueStd };
}
writeFileSync(output, JSON.stringify(found));
