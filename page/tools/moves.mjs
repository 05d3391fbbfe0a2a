// node moves.mjs CHROMIUM PAGE [MOVES]: what a slider's move costs, in milliseconds: medians and nine tenths of the moves.
// numbers: until they are written; processor: of the page's main thread for a move, drawing and chart included.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , executablePath, file, moves = "60"] = process.argv;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
await page.goto(`${pathToFileURL(resolve(file)).href}#explore`);
await page.waitForSelector("#explore[data-ready]");
await page.waitForTimeout(3000); // what comes near the screen is drawn
const session = await page.context().newCDPSession(page);
await session.send("Performance.enable", { timeDomain: "threadTicks" });
const busy = async () => 1000 * (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;

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
const part = (values, share) => values.sort((a, b) => a - b)[Math.floor(share * (values.length - 1))].toFixed(1);
for (const [name, values] of Object.entries({ numbers, processor })) console.log(`${name}: ${part(values, 0.5)} ms, nine tenths below ${part(values, 0.9)} ms`);
await browser.close();
