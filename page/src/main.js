// The page of a run: what it recommends, and sections that are drawn when they come near the screen.
import "./page.css";
import { data, rows } from "./data.js";
import { count, h, nsl, whenNear } from "./dom.js";
import { explore } from "./explore.js";
import { figures, tables } from "./figures.js";
import { pages, verdict } from "./pages.js";
import { tokens, vocabulary } from "./tokens.js";

const at = (id) => document.getElementById(id);

function facts() {
  const of = rows(data.validation).find(({ tokenizer, metric }) => tokenizer === "chosen" && metric === "objective");
  const list = [
    ["recommended mixture", data.chosen],
    ["objective at full scale", of && nsl(of.value)],
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
function guarded(section, draw) {
  const failed = (error) => {
    console.error(error);
    section.append(h("p", { class: "warning" }, `This part of the page does not work here: ${error.message}`));
  };
  try {
    Promise.resolve(draw(section)).catch(failed);
  } catch (error) {
    failed(error);
  }
}

function about(section) {
  const { run, sha256, machine } = data.provenance;
  const list = [["SHA-256 of the run", sha256], ["config", run.config_sha256], ["seed", `${run.seed}`], ...Object.entries(run.versions), ...Object.entries(machine)];
  section.append(
    h("p", {}, "The command that repeats the run, in a checkout of the same version and with the same config and text:"),
    h("pre", { tabindex: "0" }, h("code", {}, data.command)),
    h("details", {}, h("summary", {}, "Versions and hashes"), h("dl", { class: "pairs" }, list.map(([name, value]) => [h("dt", {}, name), h("dd", {}, `${value}`)]))),
    h("details", {}, h("summary", {}, "Config"), h("pre", { tabindex: "0" }, h("code", {}, JSON.stringify(run.config, null, 2)))),
    h("details", {}, h("summary", {}, "Licenses of what this page uses"), h("pre", { tabindex: "0" }, data.licenses)));
}

at("verdict").append(verdict(), facts());
if (!data.objective) {
  // without a search no surface predicts anything
  at("explore").remove();
  document.querySelector('nav a[href="#explore"]').remove();
}
const near = { ...(data.objective ? { explore } : {}), tokens, vocabulary };
for (const [id, draw] of Object.entries(near)) whenNear(at(id), () => guarded(at(id), draw));
guarded(at("figures"), (section) => section.append(...figures()));
whenNear(at("tables"), () => guarded(at("tables"), (section) => section.append(...tables())));
guarded(at("pages"), (section) => section.append(...pages()));
guarded(at("about"), about);
// a link to a folded page unfolds it
window.addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
});
document.documentElement.dataset.ready = performance.now().toFixed(0);
