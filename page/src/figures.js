// Figures that answer to the pointer: Observable Plot, configured. Each has its numbers as a table below it.
import * as Plot from "@observablehq/plot";
import { data, mixtures, rows, shareOf } from "./data.js";
import { count, h, labelled, nsl, percent, select, signed } from "./dom.js";
import { BLUE, GREY, MOST, ORANGE, figure, firstBy, marginFor } from "./plot.js";
import { sortableTable } from "./table.js";

const validation = rows(data.validation);
const EXAMPLES = 4; // of what a gate found; validation/gates.parquet has more
const unique = (values) => [...new Set(values)];
/** The recommended mixture last, so that it is drawn above the others. */
const chosenLast = (list) => [...list].sort((a, b) => (a.name === data.chosen) - (b.name === data.chosen));

function mixtureBars() {
  let name = mixtures.find((row) => row.name !== data.chosen)?.name ?? data.chosen;
  const best = shareOf(mixtures.find((row) => row.name === data.chosen));
  const picked = select(mixtures.map((row) => [row.name, row.name]), name, (value) => { name = value; element.redraw(); });
  const element = figure("What is in each mixture", `Bars: shares of training bytes. Ticks: those of the recommended ${data.chosen}.`, [labelled("Mixture", picked)], () => {
    const shares = shareOf(mixtures.find((row) => row.name === name));
    const all = data.corpora.map((corpus, i) => ({ corpus, share: 100 * shares[i], best: 100 * best[i], script: data.scripts[i] }));
    const shown = firstBy(all, (row) => Math.max(row.share, row.best));
    return {
      options: {
        marginLeft: marginFor(shown.map((row) => row.corpus)), height: 72 + 17 * shown.length,
        x: { label: "share of the training bytes (%)", grid: true }, y: { label: null, domain: shown.map((row) => row.corpus) },
        marks: [
          Plot.barX(shown, { x: "share", y: "corpus", fill: BLUE, insetTop: 2, insetBottom: 2 }),
          Plot.tickX(shown, { x: "best", y: "corpus", stroke: ORANGE, strokeWidth: 3 }),
          Plot.tip(shown, Plot.pointerY({ x: "share", y: "corpus", title: (row) => `${row.corpus}\n${name}: ${row.share.toFixed(2)} %\n${data.chosen}: ${row.best.toFixed(2)} %` })),
        ],
      },
      table: [[{ key: "corpus", title: "corpus" }, { key: "script", title: "script", left: true }, { key: "share", title: name, show: (x) => `${x.toFixed(2)} %` }, { key: "best", title: `${data.chosen}`, show: (x) => `${x.toFixed(2)} %` }], all],
    };
  });
  return element;
}

function nslByCorpus() {
  const names = unique(validation.map((row) => row.tokenizer));
  const sets = unique(validation.filter((row) => row.metric === "nsl").map((row) => row.evaluation_set));
  const other = names.slice(1).find((name) => name !== data.chosen) ?? names[0]; // not the same mixture again
  let [first, second, set] = [names[0], other, sets[0]];
  const pick = (text, values, value, use) => labelled(text, select(values.map((x) => [x, x]), value, (x) => { use(x); element.redraw(); }));
  const controls = [pick("Tokenizer", names, first, (x) => (first = x)), pick("against", names, second, (x) => (second = x)), pick("on", sets, set, (x) => (set = x))];
  const element = figure("Who wins, who pays", `NSL of two finished tokenizers in each corpus; to the left is better. chosen is that of ${data.chosen}.`, controls, () => {
    const of = (name) => new Map(validation.filter((row) => row.tokenizer === name && row.evaluation_set === set && row.metric === "nsl" && row.corpus !== null).map((row) => [row.corpus, row.value]));
    const [a, b] = [of(first), of(second)];
    const all = data.corpora.filter((corpus) => a.has(corpus)).map((corpus) => ({ corpus, first: a.get(corpus), second: b.get(corpus) ?? null, change: b.has(corpus) ? 100 * (a.get(corpus) / b.get(corpus) - 1) : null }));
    const shown = firstBy(all, (row) => row.change ?? 0);
    return {
      options: {
        marginLeft: marginFor(shown.map((row) => row.corpus)), height: 82 + 17 * shown.length,
        x: { label: "NSL (tokens / reference tokens)", grid: true }, y: { label: null, domain: shown.map((row) => row.corpus) },
        color: { legend: true, domain: unique([first, second]), range: [ORANGE, BLUE] },
        marks: [
          Plot.link(shown, { x1: "first", x2: "second", y1: "corpus", y2: "corpus", stroke: GREY }),
          Plot.dot(shown, { x: "second", y: "corpus", fill: () => second, symbol: "square", r: 4 }),
          Plot.dot(shown, { x: "first", y: "corpus", fill: () => first, r: 4 }),
          Plot.tip(shown, Plot.pointerY({ x: "first", y: "corpus", title: (row) => `${row.corpus}\n${first}: ${nsl(row.first)}\n${second}: ${nsl(row.second)}\n${row.change === null ? "" : signed(row.change)}` })),
        ],
      },
      table: [[{ key: "corpus", title: "corpus" }, { key: "first", title: first, show: nsl }, { key: "second", title: second, show: nsl }, { key: "change", title: "change", show: (x) => (x === null ? "–" : signed(x)) }], all],
    };
  });
  return element;
}

function gains() {
  const metrics = unique(validation.filter((row) => row.metric.startsWith("gain_")).map((row) => row.metric));
  let metric = metrics.includes("gain_objective") ? "gain_objective" : metrics[0];
  const ours = new Set(mixtures.map((row) => row.name));
  const kinds = [["ours", "mixtures of this run"], ["theirs", "existing tokenizers"]].filter(([kind]) =>
    validation.some((row) => row.metric === metric && ours.has(row.against) === (kind === "ours")));
  let kind = kinds[0]?.[0];
  const controls = [
    labelled("of", select(metrics.map((name) => [name, name.slice(5)]), metric, (value) => { metric = value; element.redraw(); })),
    labelled("against", select(kinds, kind, (value) => { kind = value; element.redraw(); })),
  ];
  const element = figure("What the recommended mixture gains at full scale", "Right of 0 it needs fewer tokens. Where an interval holds 0, no difference can be claimed.", controls, () => {
    const all = validation
      .filter((row) => row.metric === metric && row.corpus === null && ours.has(row.against) === (kind === "ours"))
      .map((row) => ({ ...row, name: row.evaluation_set === null ? row.against : `${row.against} (${row.evaluation_set})` }));
    const known = all.filter((row) => row.low !== null);
    return {
      options: {
        marginLeft: marginFor(all.map((row) => row.name)), height: 80 + 26 * all.length,
        x: { label: "gain (%)", grid: true }, y: { label: null, domain: all.map((row) => row.name) },
        marks: [
          Plot.ruleX([0], { stroke: "currentColor" }),
          Plot.link(known, { x1: "low", x2: "high", y1: "name", y2: "name", stroke: ORANGE, strokeWidth: 2 }),
          Plot.dot(all, { x: "value", y: "name", fill: ORANGE, r: 4 }),
          Plot.tip(all, Plot.pointerY({ x: "value", y: "name", title: (row) => `against ${row.name}\n${signed(row.value)} (${row.low === null ? "–" : `${signed(row.low)} to ${signed(row.high)}`})` })),
        ],
      },
      table: [[{ key: "name", title: "against" }, ...["value", "low", "high"].map((key) => ({ key, title: key, show: (x) => (x === null ? "–" : signed(x)) }))], all],
    };
  });
  return kinds.length ? element : null;
}

function predictedMeasured() {
  if (!data.metrics) return null;
  const metrics = rows(data.metrics);
  let model = metrics.find((row) => row.used)?.model ?? metrics[0].model;
  const picked = select(metrics.map((row) => [row.model, row.used ? `${row.model} (used)` : row.model]), model, (value) => { model = value; element.redraw(); });
  const element = figure("Can the regression be trusted?", "Each dot is a proxy, predicted by a regression that did not see it; good ones lie on the diagonal.", [labelled("Regression", picked)], () => {
    const all = rows(data.predictions).filter((row) => row.model === model);
    const ends = [Math.min(...all.flatMap((row) => [row.measured, row.predicted])), Math.max(...all.flatMap((row) => [row.measured, row.predicted]))];
    return {
      options: {
        widest: 460, height: 440, marginLeft: 50, grid: true, x: { label: "measured objective (NSL)", domain: ends, nice: true }, y: { label: "predicted objective (NSL)", domain: ends, nice: true },
        marks: [
          Plot.line([[ends[0], ends[0]], [ends[1], ends[1]]], { stroke: "currentColor" }),
          Plot.link(all, { x1: "measured", x2: "measured", y1: (row) => row.predicted - (row.predicted_std ?? 0), y2: (row) => row.predicted + (row.predicted_std ?? 0), stroke: GREY }),
          Plot.dot(all, { x: "measured", y: "predicted", fill: BLUE, fillOpacity: 0.8, r: 3 }),
          Plot.tip(all, Plot.pointer({ x: "measured", y: "predicted", title: (row) => `${row.mixture_id}\nmeasured ${nsl(row.measured)}\npredicted ${nsl(row.predicted)}` })),
        ],
      },
      table: [[{ key: "mixture_id", title: "mixture" }, ...["measured", "predicted", "predicted_std"].map((key) => ({ key, title: key, show: nsl }))], all],
    };
  });
  return element;
}

function front() {
  if (!data.front) return null;
  const [predicted, measured, points] = [rows(data.front), chosenLast(rows(data.measured_front)), rows(data.front_points)];
  return figure("What does the worst corpus cost?", "The line is predicted: nothing found is better on both. Crosses are points of it that were measured, dots are measured mixtures; to the left and down is better.", [], () => ({
    options: {
      height: 400, marginLeft: 50, insetTop: 28, grid: true, x: { label: "average (NSL)" }, y: { label: "worst corpus (NSL)" },
      marks: [
        Plot.line(predicted, { x: "average", y: "worst", stroke: GREY, marker: "dot" }),
        Plot.link(points, { x1: "predicted_average", x2: "average", y1: "predicted_worst", y2: "worst", stroke: GREY, strokeDasharray: "2 3" }),
        Plot.dot(measured, { x: "average", y: "worst", fill: (row) => (row.name === data.chosen ? ORANGE : BLUE), symbol: (row) => (row.name === data.chosen ? "diamond" : "circle"), r: 5 }),
        Plot.dot(points, { x: "average", y: "worst", stroke: "currentColor", symbol: "times", r: 4 }),
        Plot.text(measured.filter((row) => row.name === data.chosen), { x: "average", y: "worst", text: "name", dy: -13, fill: "currentColor", stroke: "var(--paper)", strokeWidth: 4 }),
        Plot.tip(measured, Plot.pointer({ x: "average", y: "worst", title: (row) => `${row.name}\naverage ${nsl(row.average)}\nworst ${nsl(row.worst)}` })),
      ],
    },
    table: [[{ key: "name", title: "mixture" }, { key: "kind", title: "", left: true }, { key: "average", title: "average", show: nsl }, { key: "worst", title: "worst corpus", show: nsl }], [...measured.map((row) => ({ ...row, kind: "measured" })), ...points.map(({ name, average, worst }) => ({ name, average, worst, kind: "point of the front, measured" })), ...predicted.map(({ name, average, worst }) => ({ name, average, worst, kind: "predicted" }))]],
  }));
}

function learningCurve() {
  const all = rows(data.learning_curve);
  if (!all.length) return null;
  return figure("Would fewer proxies have done?", "Error at mixtures that a surface did not see; where the line is flat, more proxies will not help.", [], () => ({
    options: {
      height: 320, marginLeft: 50, grid: true, x: { label: "proxies", type: "log", ticks: unique(all.map((row) => row.proxies)), tickFormat: (x) => `${x}` }, y: { label: "MAPE of the objective (%)", type: "log", tickFormat: (x) => `${x}` },
      color: { legend: true, range: [BLUE, ORANGE, GREY, "var(--green)", "var(--pink)", "var(--sky)"] },
      marks: [
        Plot.dot(all, { x: "proxies", y: "mape", stroke: "model", strokeOpacity: 0.5, r: 2.5 }),
        Plot.line(all, Plot.groupX({ y: "median" }, { x: "proxies", y: "mape", stroke: "model", strokeWidth: 2 })),
        Plot.tip(all, Plot.pointer({ x: "proxies", y: "mape", title: (row) => `${row.model}, ${row.proxies} proxies\n${row.mape.toFixed(3)} %` })),
      ],
    },
    table: [[{ key: "model", title: "regression" }, { key: "proxies", title: "proxies" }, { key: "repeat", title: "repeat" }, { key: "mape", title: "MAPE (%)", show: (x) => x?.toFixed(3) ?? "–" }], all],
  }));
}

/** "10000000-8192" in words. */
function scaleName(name) {
  const [bytes, size] = name.split("-");
  return `${bytes === "all" ? "all text" : `${count(bytes / 1e6)} MB`}, V ${count(Number(size))}`;
}

function rankInvariance() {
  if (!data.ranks) return null;
  const all = rows(data.ranks).map((row) => ({ ...row, scale: scaleName(row.scale), other: scaleName(row.other) }));
  const order = unique(all.map((row) => row.scale));
  const shown = (x) => (x === null ? "–" : x.toFixed(3));
  return figure("Do proxies rank like the full scale?", "Spearman correlation of the objective of the same mixtures at two scales: training text and vocabulary size.", [], () => ({
    options: {
      height: 136 + 46 * order.length, marginLeft: 80, marginBottom: 96, inset: 0, x: { domain: order, label: null, tickRotate: -45 }, y: { domain: order, label: null, tickFormat: (scale) => scale.replace(", ", ",\n") },
      marks: [
        Plot.cell(all, { x: "other", y: "scale", fill: BLUE, fillOpacity: (row) => 0.12 + 0.4 * Math.max(0, row.spearman ?? 0), inset: 1 }),
        Plot.text(all, { x: "other", y: "scale", text: (row) => shown(row.spearman), fill: "currentColor" }),
        Plot.tip(all, Plot.pointer({ x: "other", y: "scale", title: (row) => `${row.scale} against ${row.other}\n${shown(row.spearman)}; lowest corpus ${row.lowest_corpus ?? "–"}: ${shown(row.lowest)}` })),
      ],
    },
    table: [[{ key: "scale", title: "scale" }, { key: "other", title: "other", left: true }, ...["spearman", "lowest", "median", "regret"].map((key) => ({ key, title: key, show: shown }))], all],
  }));
}

/** Ticks of a logarithmic axis that do not collide: the largest of some sizes, a half, a quarter of it and so on. */
function doublings(sizes) {
  const least = Math.min(...sizes);
  const ticks = [];
  for (let size = Math.max(...sizes); size >= least; size /= 2) ticks.push(Math.round(size));
  return ticks;
}

function byVocabulary() {
  const all = rows(data.compression);
  const sizes = unique(all.map((row) => row.vocab_size)).sort((a, b) => a - b);
  const sets = unique(all.map((row) => row.evaluation_set));
  if (sizes.length < 2) return null;
  let [at, set] = [sizes.length - 1, sets[0]];
  const slider = h("input", { type: "range", min: 0, max: sizes.length - 1, step: 1, value: at });
  const output = h("output", {}, count(sizes[at]));
  slider.addEventListener("input", () => { at = slider.valueAsNumber; output.textContent = count(sizes[at]); element.redraw(); });
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const element = figure("Compression by vocabulary size", "Mean NSL of the corpora of every measured mixture, as its proxies measured it.", [
    labelled("Vocabulary", slider), output, labelled("on", select(sets.map((x) => [x, x]), set, (x) => { set = x; element.redraw(); }))], () => {
    const points = chosenLast(mixtures).flatMap(({ name }) => sizes.map((size) => {
      const values = all.filter((row) => row.name === name && row.evaluation_set === set && row.vocab_size === size).map((row) => row.nsl);
      return values.length ? { name, size, nsl: mean(values) } : null;
    })).filter(Boolean);
    const here = points.filter((row) => row.size === sizes[at]).sort((a, b) => a.nsl - b.nsl);
    return {
      options: {
        height: 340, marginLeft: 50, marginRight: 20, grid: true, x: { type: "log", base: 2, label: "vocabulary size", ticks: doublings(sizes), tickFormat: (x) => count(x) }, y: { label: "mean NSL" },
        marks: [
          Plot.ruleX([sizes[at]], { stroke: GREY, strokeWidth: 6, strokeOpacity: 0.3 }),
          Plot.line(points, { x: "size", y: "nsl", z: "name", stroke: (row) => (row.name === data.chosen ? ORANGE : BLUE), strokeOpacity: (row) => (row.name === data.chosen ? 1 : 0.5), marker: "dot" }),
          Plot.tip(points, Plot.pointer({ x: "size", y: "nsl", title: (row) => `${row.name}\n${count(row.size)}: ${nsl(row.nsl)}` })),
        ],
      },
      table: [[{ key: "name", title: "mixture" }, { key: "size", title: "vocabulary", show: count }, { key: "nsl", title: "mean NSL", show: nsl }], here],
    };
  });
  return element;
}

function costByVocabulary() {
  const of = data.vocab_decides;
  const all = rows(data.vocab_curve).filter((row) => row.name === of).sort((a, b) => a.vocab_size - b.vocab_size);
  if (all.length < 2) return null;
  return figure("What each vocabulary size costs", `Operations of training and serving the config's language model above the least, with the tokenizer of ${of}; the line marks this run's vocabulary.`, [], () => ({
    options: {
      height: 320, marginLeft: 50, grid: true, x: { type: "log", base: 2, label: "vocabulary size", ticks: doublings(all.map((row) => row.vocab_size)), tickFormat: (x) => count(x) }, y: { label: "cost above the least (%)" },
      marks: [
        Plot.ruleX([data.vocab_size], { stroke: ORANGE, strokeWidth: 2 }),
        Plot.line(all, { x: "vocab_size", y: (row) => 100 * row.above, stroke: BLUE, marker: "dot" }),
        Plot.tip(all, Plot.pointer({ x: "vocab_size", y: (row) => 100 * row.above, title: (row) => `${count(row.vocab_size)}\n${signed(100 * row.above)}` })),
      ],
    },
    table: [[{ key: "vocab_size", title: "vocabulary", show: count }, { key: "above", title: "above the least", show: (x) => signed(100 * x) }], all],
  }));
}

export const figures = () =>
  [mixtureBars, nslByCorpus, gains, byVocabulary, costByVocabulary, predictedMeasured, front, learningCurve, rankInvariance].map((make) => make()).filter(Boolean);

/** Tables of mixtures and of corpora, sortable and filterable. */
export function tables() {
  const full = new Map(data.ranking.map((row) => [row.name, row]));
  const proxies = new Map((data.on_proxies ?? []).map((row) => [row.name, row]));
  const of = mixtures.map((row) => ({
    ...row, on_proxies: proxies.get(row.name)?.measured ?? null, measured: full.get(row.name)?.measured ?? null, why: full.get(row.name)?.why ?? "–",
    ...Object.fromEntries(shareOf(row).map((share, i) => [`share ${i}`, share])), // a corpus may have the name of another column
  }));
  const share = (x) => percent(x);
  const mixtureColumns = [
    { key: "name", title: "mixture" },
    ...(data.on_proxies ? [{ key: "role", title: "role", left: true }, { key: "strategy", title: "strategy", left: true },
      { key: "predicted", title: "predicted", show: nsl }, { key: "on_proxies", title: "on proxies", show: nsl }] : []),
    { key: "measured", title: "full scale, selection half", show: nsl },
    { key: "why", title: "why it was or was not taken", left: true, long: true },
    ...(data.corpora.length > MOST ? [] : data.corpora.map((corpus, i) => ({ key: `share ${i}`, title: corpus, show: share, screen: true }))),
  ];
  const best = shareOf(mixtures.find((row) => row.name === data.chosen));
  const names = unique(validation.map((row) => row.tokenizer));
  const set = validation.find((row) => row.metric === "nsl")?.evaluation_set;
  const at = new Map(validation.filter((row) => row.metric === "nsl" && row.evaluation_set === set).map((row) => [`${row.corpus}\n${row.tokenizer}`, row.value]));
  const corpusRows = data.corpora.map((corpus, i) => ({
    corpus, script: data.scripts[i], share: best[i], ...(data.support ? { low: data.support.low[i], high: data.support.high[i] } : {}),
    ...Object.fromEntries(names.map((name, j) => [`nsl${j}`, at.get(`${corpus}\n${name}`) ?? null])),
  }));
  const corpusColumns = [
    { key: "corpus", title: "corpus" }, { key: "script", title: "script", left: true }, { key: "share", title: data.chosen, show: share },
    ...(data.support ? [{ key: "low", title: "sampled from", show: share }, { key: "high", title: "to", show: share }] : []),
    ...names.map((name, j) => ({ key: `nsl${j}`, title: `NSL ${name}`, show: nsl })),
  ];
  const order = (row) => ["fail", "warn", "pass", "n/a"].indexOf(row.result); // what passed is last
  const few = (examples) => `${examples.slice(0, EXAMPLES).join(", ")}${examples.length > EXAMPLES ? " …" : ""}` || "–";
  const gates = rows(data.gates).map((row) => ({ ...row, examples: few(row.examples ?? []) })).sort((a, b) => order(a) - order(b));
  const gateColumns = [{ key: "tokenizer", title: "tokenizer" }, ...["gate", "result", "count", "examples"].map((key) => ({ key, title: key, left: key !== "count", long: key === "examples" }))];
  return [
    sortableTable(data.on_proxies ? "Mixtures: candidates and baselines" : "Mixtures", mixtureColumns, of),
    sortableTable(`Corpora, with NSL on ${set}`, corpusColumns, corpusRows),
    sortableTable("Gates that a tokenizer must pass", gateColumns, gates, { screen: ({ result }) => result === "pass" || result === "n/a" }),
    h("p", { class: "paper note" }, "Gates that were passed are not printed."),
  ];
}
