// node moves.mjs CHROMIUM PAGE [MOVES]: what a page weighs and takes: the rows of the table in docs/output.md.
// processor: of the page's main thread; for a move, drawing and chart included.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const OPENED = 5; // times; what follows is of the last
const [, , executablePath, file, moves = "60"] = process.argv;
const part = (values, share) => values.sort((a, b) => a - b)[Math.floor(share * (values.length - 1))].toFixed(1);

const text = readFileSync(file, "utf8");
const megabytes = (pattern) => {
  const sizes = [...text.matchAll(new RegExp(`<script[^>]*id="(?:${pattern})-\\d+"[^>]*>(.*?)</script>`, "gs"))].map(([, block]) => Buffer.byteLength(block) / 1e6);
  return [sizes.reduce((a, b) => a + b, 0), sizes.length];
};
const [all, [tokenizers], [surfaces, n]] = [Buffer.byteLength(text) / 1e6, megabytes("tokenizer|vocabulary"), megabytes("surfaces")];
console.log(`size: ${all.toFixed(2)} MB, without tokenizers ${(all - tokenizers).toFixed(2)} MB, of it surfaces ${(surfaces / n).toFixed(3)} MB for each of ${n} sizes`);

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const opening = { paint: [], processor: [] };
let page, busy;
for (let i = 0; i < OPENED; i++) {
  await page?.close();
  page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  busy = async () => 1000 * (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.waitForSelector("#explore[data-ready]", { state: "attached" });
  opening.processor.push(await busy());
  opening.paint.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
}
console.log(`first paint: ${part(opening.paint, 0.5)} ms; processor until "what if" is ready: ${part(opening.processor, 0.5)} ms`);

await page.evaluate(() => document.getElementById("explore").scrollIntoView());
await page.waitForTimeout(3000); // what comes near the screen is drawn
const numbers = [];
const processor = [];
for (let i = 0; i < Number(moves); i++) {
  const before = await busy();
  numbers.push(await page.evaluate((i) => new Promise((done) => {
    const section = document.getElementById("explore");
    const slider = section.querySelectorAll(".shares input[type=range]")[Math.floor(i / 20)];
    const step = slider.max / 60; // as a pointer drags it: 20 steps to one side
    slider.value = slider.valueAsNumber + step;
    slider.dispatchEvent(new Event("input"));
    requestAnimationFrame(() => setTimeout(() => done(Number(section.dataset.drawn)), 120));
  }), i));
  processor.push(await busy() - before);
}
for (const [name, values] of Object.entries({ "until the numbers are written": numbers, processor }))
  console.log(`a move, ${name}: ${part(values, 0.5)} ms, nine tenths below ${part(values, 0.9)} ms`);

const another = await page.evaluate(async () => {
  const slider = document.getElementById("explore-vocab");
  if (!slider || slider.max === "0") return null;
  const section = document.getElementById("explore");
  const begun = performance.now();
  delete section.dataset.vocab;
  slider.value = 0;
  slider.dispatchEvent(new Event("input"));
  while (!section.dataset.vocab) await new Promise((done) => setTimeout(done, 1));
  return performance.now() - begun;
});
if (another) console.log(`another vocabulary size, the first time: ${another.toFixed(1)} ms`);
await browser.close();
