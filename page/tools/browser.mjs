// node browser.mjs CHROMIUM PAGE HOSTILE RECIPES ASK.json RESULT.json: what a browser shows of two report.html and a
// recipes.html, for tests/test_page.py.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , executablePath, plain, hostile, recipes, ask, output] = process.argv;
const { shares, text } = JSON.parse(readFileSync(ask, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const found = { problems: [], dialogs: 0, violations: [] };

const isReport = () => ["explore", "vocabulary"].every((id) => document.getElementById(id).dataset.ready) && document.querySelector(".cut");

async function open(file, options, isReady = isReport) {
  const context = await browser.newContext({ bypassCSP: false, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && found.problems.push(message.text()));
  page.on("pageerror", (error) => found.problems.push(error.message));
  page.on("request", (request) => request.url().startsWith("file:") || found.problems.push(`request of ${request.url().slice(0, 99)}`));
  page.on("dialog", (dialog) => {
    found.dialogs++;
    dialog.dismiss();
  });
  await page.goto(pathToFileURL(file).href);
  // everything is drawn that comes near the screen
  await page.evaluate(async () => {
    for (const element of document.querySelectorAll("main > section, figure")) {
      element.scrollIntoView();
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
  });
  await page.waitForFunction(isReady);
  return page;
}

const page = await open(plain, { viewport: { width: 1200, height: 900 } });
Object.assign(found, await page.evaluate(({ shares, text }) => {
  const section = document.getElementById("explore");
  const sums = [];
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const sliders = [...section.querySelectorAll(".shares input[type=range]")];
  section.querySelector("input[type=checkbox]").click();
  for (let i = 0; i < 12; i++) {
    const slider = sliders[1 + (i % 2)];
    slider.value = ((i * 37) % 100) / 100;
    slider.dispatchEvent(new Event("input"));
    slider.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  }
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(async () => {
    sums.push(sum(section.current.shares), sum(sliders.map((slider) => slider.valueAsNumber)));
    // a lock holds against the slider itself and against "Start from"
    const locked = [section.current.shares[0]];
    const start = section.querySelector("select");
    for (const option of start.options) {
      start.value = option.value;
      start.dispatchEvent(new Event("change"));
      locked.push(section.current.shares[0]);
    }
    sums.push(sum(section.current.shares));
    const isDisabled = sliders[0].disabled && !sliders[1].disabled;
    // after a small move the chart has other marks, but is not another one
    const dots = () => [...section.querySelectorAll(".chart .changes circle")].map((dot) => dot.getAttribute("cx"));
    await new Promise((done) => setTimeout(done, 50));
    const kept = [section.querySelector(".chart svg"), dots()];
    sliders[1].value = sliders[1].valueAsNumber * 1.001;
    sliders[1].dispatchEvent(new Event("input"));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const isMoved = section.querySelector(".chart svg") === kept[0] && dots().length === sliders.length && `${dots()}` !== `${kept[1]}`;
    const predicted = {};
    const slider = document.getElementById("explore-vocab");
    for (let i = 0; i <= Number(slider.max); i++) {
      delete section.dataset.vocab;
      slider.value = i;
      slider.dispatchEvent(new Event("input"));
      while (!section.dataset.vocab) await new Promise((done) => setTimeout(done, 5));
      const at = shares.map((row) => section.predict(row));
      const limits = section.limits.of(at[0].mean, section.surface(), "uniform");
      predicted[section.dataset.vocab] = { mean: at.map(({ mean }) => mean), std: at.map(({ std }) => std), limits };
    }
    const ids = await document.getElementById("tokens").encode("multilingual", text);
    const language_models = document.getElementById("language-models").textContent;
    done({ sums, locked, isDisabled, isMoved, predicted, language_models, ids, yaml: document.getElementById("yaml").value });
  })));
}, { shares, text }));

const beside = await open(recipes, { viewport: { width: 1200, height: 900 } }, () => document.documentElement.dataset.ready);
found.hidden_columns = await beside.evaluate(() => [...document.querySelectorAll(".scroll.wide")].map((room) => room.getAttribute("aria-label")));
found.overflow = 0;
for (const of of [page, beside]) {
  for (const colorScheme of ["light", "dark"]) {
    await of.emulateMedia({ colorScheme });
    await of.evaluate(axe); // through the debugger, which the page's policy does not concern
    const { violations } = await of.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    found.violations.push(...violations.map(({ id, nodes }) => `${colorScheme} ${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 150)).join(" ")}`));
  }
  await of.setViewportSize({ width: 375, height: 800 });
  found.overflow += await of.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}
// on a phone, names stay where they are while the other columns are moved
found.names_at = await beside.evaluate(async () => {
  const room = document.querySelector(".scroll.wide.more");
  const at = () => Math.round(room.querySelector("tbody th").getBoundingClientRect().left);
  const places = [at()];
  room.scrollLeft = 1e6;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return [...places, at(), room.classList.contains("more")];
});

const other = await open(hostile, { viewport: { width: 800, height: 800 } });
found.headings = await other.evaluate(() => [...document.querySelectorAll("#explore .shares tbody th")].map((cell) => cell.textContent));
// of the first mixture, the columns of corpora
found.shares = await other.evaluate(() => {
  const table = document.querySelector("#tables table");
  const of = ({ cells }, corpora) => [...cells].slice(-corpora).map((cell) => cell.textContent);
  return of(table.tBodies[0].rows[0], document.querySelectorAll("#explore .shares tbody th").length);
});
await browser.close();
writeFileSync(output, JSON.stringify(found));
