// The page of a run: what it recommends, and sections that are drawn when they come near the screen.
import "./page.css";
import { data, rows } from "./data.js";
import { count, h, nsl, whenNear } from "./dom.js";
import { explore } from "./explore.js";
import { figures, tables } from "./figures.js";
import { languageModels } from "./language_models.js";
import { pages, verdict } from "./pages.js";
import { tokens, vocabulary } from "./tokens.js";

/**
 * All sections in order. A new one is a module with a function that fills its element, and a row here; its numbers are a
 * key of `page_data` in page_data.py.
 * [id, its name in the navigation, its heading, draw(element) or the elements to put in, has]
 * has: false leaves it out where a run has nothing of it.
 */
const SECTIONS = [
  ["verdict", "Verdict", null, () => [verdict(), facts()]],
  ["explore", "What if", "What if", explore, data.objective !== null],
  ["figures", "Figures", "Figures", figures],
  ["language-models", "Language models", "Language models", languageModels, data.language_models !== null],
  ["tables", "Tables", "Tables", tables],
  ["tokens", "Text as tokens", "Text as tokens", tokens, data.tokenizers.length + data.left_out.length > 0],
  ["vocabulary", "Vocabulary", "The vocabulary", vocabulary, data.tokenizers.length > 0],
  ["pages", "All pages", "All pages of the run", pages],
  ["about", "About", "About this run", about],
];
// their height is known only when they are drawn, and links lead to them
const AT_ONCE = new Set(["verdict", "figures", "pages", "about"]);

function facts() {
  const of = rows(data.validation).find(({ tokenizer, metric }) => tokenizer === "chosen" && metric === "objective");
  const list = [
    ["recommended mixture", data.chosen],
    ["objective at full scale, test half", of && nsl(of.value)],
    ["vocabulary", data.vocab_size && count(data.vocab_size)],
    ["gates", data.gates && gatesOf()],
  ];
  return h("dl", { class: "facts" }, list.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function gatesOf() {
  const of = rows(data.gates).filter(({ tokenizer }) => tokenizer === "chosen");
  const named = (result) => of.filter((row) => row.result === result).map(({ gate }) => gate).join(", ");
  const verdict = named("fail") ? `failed: ${named("fail")}` : "all pass";
  return named("warn") ? `${verdict}; warnings: ${named("warn")}` : verdict;
}

/** A problem shows in its section, and the others go on. */
async function guarded(section, draw) {
  try {
    section.append(...((await draw(section)) ?? []));
  } catch (error) {
    console.error(error);
    section.append(h("p", { class: "warning" }, `This part of the page does not work here: ${error.message}`));
  }
}

/** Goes to the part of the page that a fragment names; a folded page is unfolded. */
function go(fragment) {
  const target = fragment && document.getElementById(fragment.slice(1)); // ids are plain letters
  if (!target) return;
  if (target instanceof HTMLDetailsElement) target.open = true;
  target.scrollIntoView();
  // what is above it may still be drawn and push it away, until the reader moves on
  const observer = new ResizeObserver(() => target.scrollIntoView());
  observer.observe(document.querySelector("main"));
  const stop = () => observer.disconnect();
  for (const event of ["wheel", "touchstart", "keydown", "pointerdown"]) window.addEventListener(event, stop, { once: true });
  setTimeout(stop, 1500);
}

function about() {
  const { run, sha256, machine } = data.provenance;
  const list = [["SHA-256 of the run", sha256], ["config", run.config_sha256], ["seed", `${run.seed}`], ...Object.entries(run.versions), ...Object.entries(machine)];
  return [
    h("p", {}, "The command that repeats the run, in a checkout of the same version and with the same config and text:"),
    h("pre", { tabindex: "0" }, h("code", {}, data.command)),
    h("details", {}, h("summary", {}, "Versions and hashes"), h("dl", { class: "pairs" }, list.map(([name, value]) => [h("dt", {}, name), h("dd", {}, `${value}`)]))),
    h("details", {}, h("summary", {}, "Config"), h("pre", { tabindex: "0" }, h("code", {}, JSON.stringify(run.config, null, 2)))),
    h("details", {}, h("summary", {}, "Licenses of what this page uses"), h("pre", { tabindex: "0" }, data.licenses)),
  ];
}

const navigation = document.querySelector("nav");
const main = document.querySelector("main");
for (const [id, name, heading, draw, has = true] of SECTIONS) {
  if (!has) continue;
  const title = heading && h("h2", { id: `${id}-title` }, heading);
  const section = h("section", { id, "aria-label": title ? null : name, "aria-labelledby": title ? title.id : null }, title);
  navigation.append(h("a", { href: `#${id}` }, name));
  main.append(section);
  if (AT_ONCE.has(id)) guarded(section, draw);
  else whenNear(section, () => guarded(section, draw));
}
window.addEventListener("hashchange", () => go(location.hash));
go(location.hash);
document.documentElement.dataset.ready = performance.now().toFixed(0);
