// The page of a comparison of recipes: the best choices, a table of all tokenizers, and a heat map by corpus.
import "./recipes.css";
import { breakable, count, h, labelled, nsl, scrollable, select, signed } from "./dom.js";
import { sortableTable } from "./table.js";

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const names = data.tokenizers.map(({ name }) => name);
const round = (value, digits) => Number(value.toFixed(digits));
const SHOWN_PAGES = ["summary.md", "report.html"]; // of a recipe; its report.html has the others
const MARKS = { fewer: "▼", more: "▲" };

/** Text with `code`, **bold** and [links](to/files) as elements. */
function inline(text) {
  const element = h("li");
  const link = (piece) => {
    const [, words, href] = piece.match(/^\[([^\]]+)\]\(([^)]+)\)$/) ?? [];
    return href ? h("a", { href }, words) : piece;
  };
  for (const part of text.split(/(\*\*.+?\*\*)/)) {
    const bold = part.startsWith("**") && part.endsWith("**") && part.length > 4;
    const inner = (bold ? part.slice(2, -2) : part).split(/(`[^`]+`|\[[^\]]+\]\([^)]+\))/).map((piece) =>
      piece.startsWith("`") ? h("code", {}, piece.slice(1, -1)) : link(piece));
    element.append(...(bold ? [h("strong", {}, inner)] : inner));
  }
  return element;
}

function choices(section) {
  if (data.doubts.length) section.append(h("ul", { class: "prose" }, data.doubts.map(inline)));
  section.append(h("ul", { class: "prose" }, data.choices.map(inline)), h("p", { class: "note prose" }, data.choices_note));
}

const maybe = (show) => (value) => (value === null || value === undefined ? "" : show(value));

/** A recipe's name, which leads to its page. */
function named(name, { pages }) {
  const page = pages["report.html"];
  return page ? h("a", { href: page }, breakable(name)) : breakable(name);
}

function tokenizers(section) {
  const gini = data.parallel_set ? `Gini on ${data.parallel_set}` : "Gini of NSL";
  const columns = [
    { key: "name", title: "tokenizer, mixture", show: named, under: (_, row) => (row.kind === "existing" ? "existing" : row.in_doubt ? `${row.mixture}, in doubt` : row.mixture) },
    { key: "vocab_size", title: "V", show: count },
    { key: "macro", title: "macro NSL", show: nsl },
    { key: "macro_difference", title: `tokens against ${data.first}, 95 % interval`, show: (value, row) => (value === null ? "" : `${signed(value)} ${(round(value, 2) && MARKS[row.claim]) || ""}`), under: (_, row) => (row.low === null ? "" : `${signed(row.low, 2, "")} to ${signed(row.high)}`) },
    { key: "pooled_difference", title: "of all text", show: maybe(signed) },
    { key: "worst", title: "worst NSL", show: nsl, under: (_, row) => row.worst_corpus ?? "all equal" },
    { key: "gini", title: gini, show: (value) => value.toFixed(3) },
    ...(data.parallel_set ? [{ key: "premium", title: "largest premium", show: (value) => value.toFixed(2), under: (_, row) => row.premium_corpus ?? "all equal" }] : []),
    { key: "gpu_hours", title: `GPU hours, cost against ${data.first}`, show: (value) => count(Math.round(value)), under: (_, row) => maybe((value) => signed(value, 1))(row.cost_difference) },
    { key: "gates", title: "gates failed", left: true, long: true },
    { key: "summary", title: "its pages", left: true, screen: true, show: (_, { pages }) => SHOWN_PAGES.filter((name) => pages[name]).map((name) => [name, pages[name]]).flatMap(([name, href], i) => [i ? ", " : "", h("a", { href }, name.split(".")[0])]) },
  ];
  const best = data.tokenizers.map((row) => ({ ...row, summary: row.pages["summary.md"] ?? null }))
    .sort((a, b) => a.macro - b.macro);
  section.append(
    h("p", { class: "note" }, `On ${data.sets.join(", ")}, in the test half of the evaluation text. ▼ and ▲: fewer and more tokens, as far as can be claimed, with intervals that hold for all rows together. A heading sorts.`),
    sortableTable("Recipes and existing tokenizers", columns, best, { filter: false }));
}

/** Bits per byte of small language models; without them the section goes. */
function languageModels(section) {
  if (!data.language_models) {
    section.remove();
    document.querySelector('nav a[href="#language_models"]').remove();
    return;
  }
  const { said, rows } = data.language_models;
  const plain = (name) => name.replaceAll("`", "");
  const bits = (value) => value.toFixed(4);
  const percent = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
  const interval = (ends) => (value, row) => (value === null || row[ends].low === null ? "" : `${percent(row[ends].low)} to ${percent(row[ends].high)} %`);
  const first = plain(rows[0].name);
  const columns = [
    { key: "name", title: "read as", left: true },
    { key: "parameters", title: "parameters", show: count },
    { key: "bytes_per_token", title: "bytes a token", show: (value) => value.toFixed(2) },
    ...[["bytes", "equal bytes"], ["compute", "equal compute"]].flatMap(([budget, words]) => [
      { key: `bits_${budget}`, title: `bits per byte at ${words}`, show: bits },
      { key: `fewer_${budget}`, title: `fewer than ${first}`, show: (value) => (value === null ? "–" : `${percent(value)} %`), under: interval(`gain_${budget}`) },
    ]),
  ];
  const shown = rows.map((row) => ({ ...row, name: plain(row.name), fewer_bytes: row.gain_bytes?.value ?? null, fewer_compute: row.gain_compute?.value ?? null }));
  section.append(
    ...(said ? [h("ul", { class: "prose" }, inline(said))] : []),
    h("p", { class: "note" }, "Small language models trained with the tokenizers, all on the same text and measured on the same documents. Above 0 is fewer bits, and better; 95 % intervals, each by itself, over seeds and documents. language_models.md beside this page has every corpus. A heading sorts."),
    sortableTable("Bits per byte", columns, shown, { filter: false }));
}

/** A heat map as a table: a row a corpus, a column a tokenizer. */
function heatMap(section) {
  let against = data.first;
  let order = null; // by script; or the tokenizer that is sorted by, whatever its name
  const said = h("p", { class: "said", role: "status" }, "Point at a cell, or move through the cells with the arrow keys.");
  const room = scrollable("heat map of tokens");
  const percent = (name, c) => {
    const [value, base] = [data.tokens[name][c], data.tokens[against][c]];
    return value === null || base === null ? null : 100 * (value / base - 1);
  };
  const claim = (name, c) => (against === data.first && name !== data.first ? data.intervals[name].claim[c] : null);

  function tell(name, c) {
    const value = percent(name, c);
    if (value === null) return `${data.corpora[c]}: not in this text`;
    const of = against === data.first && data.intervals[name];
    const interval = of && of.low[c] !== null ? `, 95 % interval ${signed(of.low[c])} to ${signed(of.high[c])}` : "";
    const sure = claim(name, c) ? "" : interval ? "; no difference can be claimed" : "";
    return `${data.corpora[c]}: ${name} ${count(data.tokens[name][c])} tokens, ${against} ${count(data.tokens[against][c])}: ${signed(value)}${interval}${sure}`;
  }

  function draw() {
    const columns = names.filter((name) => name !== against);
    const all = data.tokenizers.filter(({ kind, name }) => kind === "recipe" && name !== against)
      .flatMap(({ name }) => data.corpora.map((_, c) => Math.abs(percent(name, c) ?? 0))).sort((a, b) => a - b);
    const end = Math.max(all[Math.floor(0.9 * (all.length - 1))] ?? 1, 0.5); // as in figures/recipes_by_corpus.svg
    const numbers = data.corpora.map((_, c) => c);
    if (order !== null) numbers.sort((a, b) => (percent(order, a) ?? Infinity) - (percent(order, b) ?? Infinity));
    const cells = (c) => columns.map((name) => {
      const value = percent(name, c);
      if (value === null) return h("td", {}, "–");
      const part = Math.min(Math.abs(value) / end, 1);
      const style = `--part: ${(100 * part).toFixed(0)}%`;
      const kind = `${value < 0 ? "fewer" : "more"}${claim(name, c) && round(value, 1) ? " claimed" : ""}`;
      const show = () => { said.textContent = tell(name, c); };
      return h("td", { class: `cell ${kind}`, style, tabindex: "-1", onpointerenter: show, onfocus: show, onclick: show }, signed(value, 1, ""));
    });
    const rows = numbers.map((c, i) => {
      const begins = order === null && (i === 0 || data.scripts[c] !== data.scripts[numbers[i - 1]]);
      return h("tr", { class: begins && i ? "begins" : null }, h("th", { scope: "row", class: "left" }, data.corpora[c]), ...cells(c), h("td", { class: "left note" }, begins || order !== null ? data.scripts[c] : ""));
    });
    const sorter = (name, title) => h("button", { type: "button", "data-order": name ?? "", onclick: () => { order = name; draw(); } }, breakable(title));
    const upright = columns.length > 8 ? "upright" : null; // so many names have room one above the other only
    const heads = columns.map((name) => h("th", { scope: "col", class: upright, "aria-sort": order === name ? "ascending" : null }, sorter(name, name)));
    const table = h("table", { class: "heat" }, h("caption", {}, `Tokens against ${against}, in percent${against === data.first ? "; bold: can be claimed" : ""}`),
      h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "left" }, "corpus"), heads, h("th", { scope: "col", class: "left", "aria-sort": order === null ? "ascending" : null }, sorter(null, "script")))), h("tbody", {}, rows));
    const first = table.querySelector(".cell");
    if (first) first.tabIndex = 0;
    const focused = room.contains(document.activeElement) ? document.activeElement.dataset.order : undefined;
    room.replaceChildren(table);
    room.dispatchEvent(new Event("scroll"));
    // the heading that was used is another element now
    if (focused !== undefined) [...table.querySelectorAll("thead button")].find((button) => button.dataset.order === focused)?.focus();
  }

  room.addEventListener("keydown", (event) => {
    const cell = event.target.closest?.(".cell");
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!cell || !step) return;
    const row = cell.parentElement;
    const next = row.parentElement.rows[row.sectionRowIndex + step[0]]?.cells[cell.cellIndex + step[1]];
    if (!next?.classList.contains("cell")) return;
    event.preventDefault();
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  const picked = select(names.map((name) => [name, name]), against, (value) => { against = value; if (order === value) order = null; draw(); });
  section.append(
    h("p", { class: "note" }, `Blue is fewer tokens, orange more. Intervals, against ${data.first} alone, hold for all cells together. A heading sorts.`),
    h("div", { class: "controls" }, labelled("Against", picked)), said, room);
  draw();
}

for (const [id, draw] of Object.entries({ choices, tokenizers, language_models: languageModels, corpora: heatMap })) {
  try {
    draw(at(id));
  } catch (error) {
    console.error(error);
    at(id).append(h("p", { class: "warning" }, `This part of the page does not work here: ${error.message}`));
  }
}
document.documentElement.dataset.ready = performance.now().toFixed(0);
