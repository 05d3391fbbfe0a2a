// node screenshots.mjs CHROMIUM PAGE FOLDER: the pictures of docs/figures/report_*.png, of the embedded default's page.
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , executablePath, file, folder] = process.argv;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

async function open(viewport, colorScheme, section, ready) {
  const page = await browser.newPage({ viewport, colorScheme, reducedMotion: "reduce" });
  await page.goto(`${pathToFileURL(resolve(file)).href}#${section}`);
  await page.waitForSelector(ready);
  return page;
}

/** With the element at the top, once nothing above it is drawn any more. */
async function shoot(page, selector, name) {
  const place = () => page.evaluate((of) => {
    const element = document.querySelector(of);
    scrollTo(0, element.getBoundingClientRect().top + scrollY - document.querySelector("header").offsetHeight);
    return document.documentElement.scrollHeight;
  }, selector);
  for (let before = 0, height = await place(); height !== before; height = await place()) {
    before = height;
    await page.waitForTimeout(500);
  }
  await page.screenshot({ path: join(folder, name) });
}

const first = await open({ width: 1100, height: 1560 }, "light", "explore", "#explore[data-ready]");
await first.evaluate(() => {
  const [start, against] = document.querySelectorAll("#explore select");
  against.value = start.value.split(":")[1];
  against.dispatchEvent(new Event("change"));
  const hindi = document.querySelector("#explore input[type=range][aria-label*=hin]");
  hindi.value = 2 * hindi.valueAsNumber; // "what if Hindi got twice as much?"
  hindi.dispatchEvent(new Event("input"));
});
await shoot(first, "body", "report_page.png");

const second = await open({ width: 1100, height: 720 }, "dark", "tokens", ".cut");
await second.evaluate(() => {
  const text = document.querySelector("#tokens textarea");
  text.value = text.value.split(/(?=\p{Script=Hiragana})/u)[0].trim(); // where a machine draws pictures, fonts for more are rare
  text.dispatchEvent(new Event("input"));
  for (const box of document.querySelectorAll("#tokens input[type=checkbox]"))
    if (["chosen", "o200k_base"].includes(box.parentElement.textContent) !== box.checked) box.click();
});
await second.waitForSelector('.cut[data-name="o200k_base"]');
await shoot(second, "#tokens", "report_tokens.png");
await browser.close();
