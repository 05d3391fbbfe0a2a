// What small language models need with each tokenizer: bits per byte, side by side.
import * as Plot from "@observablehq/plot";
import { data, rows } from "./data.js";
import { count, h, labelled, select, signed } from "./dom.js";
import { BLUE, GREY, ORANGE, figure, firstBy, marginFor } from "./plot.js";
import { sortableTable } from "./table.js";

const unique = (values) => [...new Set(values)];
const bits = (value) => value?.toFixed(4) ?? "–";
const interval = ({ value, low, high }) => (low === null ? signed(value) : `${signed(value)} (${signed(low)} to ${signed(high)})`);
const fewer = (row) => (row ? interval(row) : "–");

/** "at equal compute", "on held_out": a control where there is a choice. */
function choices(all, budgets, state, redraw) {
  const pick = (text, values, key) =>
    values.length < 2 ? null : labelled(text, select(values, state[key], (value) => { state[key] = value; redraw(); }));
  return [
    pick("At", unique(all.map(({ budget }) => budget)).map((budget) => [budget, budgets[budget] ?? budget]), "budget"),
    pick("on", unique(all.map((row) => row.evaluation_set)).map((name) => [name, name]), "set"),
  ].filter(Boolean);
}

export function languageModels() {
  const { said, rows: names, budgets } = data.language_models;
  const all = rows(data.language_models.bits_per_byte);
  const name = (row) => names[row] ?? row;
  const order = unique(all.map(({ row }) => row));
  const [last] = unique(all.map(({ budget }) => budget)).slice(-1);
  const fresh = () => ({ budget: last, set: all[0].evaluation_set, reference: order.includes("chosen") ? "chosen" : order[0] });
  const against = (state, redraw) => labelled("Compared with", select(order.map((row) => [row, name(row)]), state.reference, (value) => { state.reference = value; redraw(); }));
  const at = ({ budget, set }) => all.filter((row) => row.budget === budget && row.evaluation_set === set);

  function gains() {
    const state = fresh();
    const redraw = () => element.redraw();
    const element = figure("Bits per byte with each tokenizer", "Right of 0 a model needs fewer bits for the same text, in the mean of the corpora. Where an interval holds 0, no difference could be measured.", [...choices(all, budgets, state, redraw), against(state, redraw)], () => {
      const here = at(state);
      const of = (row, metric) => here.find((one) => one.row === row && one.metric === metric)?.value ?? null;
      const table = order.map((row) => {
        const gain = here.find((one) => one.row === row && one.metric === "gain_macro" && one.against === state.reference);
        const tokens = here.filter((one) => one.row === row && one.metric === "tokens_per_byte").map(({ value }) => value);
        return {
          name: name(row), row, value: gain?.value ?? 0, low: gain?.low ?? null, high: gain?.high ?? null, gain: fewer(gain),
          macro: of(row, "bpb_macro"), worst: of(row, "bpb_worst"), capacity: of(row, "information_capacity"), parameters: of(row, "parameters"),
          bytes: tokens.length ? tokens.length / tokens.reduce((a, b) => a + b, 0) : null,
        };
      });
      const shown = table.map(({ name }) => name);
      return {
        options: {
          marginLeft: marginFor(shown), height: 80 + 26 * shown.length,
          x: { label: `fewer bits per byte than ${name(state.reference)} (%)`, grid: true }, y: { label: null, domain: shown },
          marks: [
            Plot.ruleX([0], { stroke: "currentColor" }),
            Plot.link(table.filter(({ low }) => low !== null), { x1: "low", x2: "high", y1: "name", y2: "name", stroke: BLUE, strokeWidth: 2 }),
            Plot.dot(table, { x: "value", y: "name", fill: ({ row }) => (row === state.reference ? ORANGE : BLUE), r: 4 }),
            Plot.tip(table, Plot.pointerY({ x: "value", y: "name", title: (row) => `${row.name}\n${row.gain}\n${bits(row.macro)} bits per byte` })),
          ],
        },
        table: [[
          { key: "name", title: "text is read as" }, { key: "bytes", title: "bytes a token", show: (x) => x?.toFixed(2) ?? "–" }, { key: "macro", title: "bits per byte, mean", show: bits },
          { key: "worst", title: "worst corpus", show: bits }, { key: "gain", title: `fewer bits than ${name(state.reference)}` },
          { key: "capacity", title: "information capacity", show: bits }, { key: "parameters", title: "parameters", show: (x) => (x === null ? "–" : count(x)) },
        ], table],
      };
    });
    return element;
  }

  function byCorpus() {
    const state = { ...fresh(), row: order.find((row) => row !== fresh().reference) };
    const redraw = () => element.redraw();
    const picked = labelled("Read as", select(order.map((row) => [row, name(row)]), state.row, (value) => { state.row = value; redraw(); }));
    const element = figure("Which corpora gain, which lose", "Right of 0 a model needs fewer bits per byte of the corpus.", [picked, against(state, redraw), ...choices(all, budgets, state, redraw)], () => {
      const here = at(state).filter(({ corpus }) => corpus !== null);
      const bpb = (row, corpus) => here.find((one) => one.metric === "bpb" && one.row === row && one.corpus === corpus)?.value ?? null;
      const table = unique(here.map(({ corpus }) => corpus)).map((corpus) => {
        const gain = here.find((one) => one.metric === "gain" && one.corpus === corpus && one.row === state.row && one.against === state.reference);
        return { corpus, value: gain?.value ?? 0, low: gain?.low ?? null, high: gain?.high ?? null, gain: fewer(gain), first: bpb(state.row, corpus), second: bpb(state.reference, corpus) };
      });
      const shown = firstBy(table, ({ value }) => value);
      return {
        options: {
          marginLeft: marginFor(shown.map(({ corpus }) => corpus)), height: 72 + 17 * shown.length,
          x: { label: `fewer bits per byte than ${name(state.reference)} (%)`, grid: true }, y: { label: null, domain: shown.map(({ corpus }) => corpus) },
          marks: [
            Plot.ruleX([0], { stroke: "currentColor" }),
            Plot.link(shown.filter(({ low }) => low !== null), { x1: "low", x2: "high", y1: "corpus", y2: "corpus", stroke: GREY, strokeWidth: 3 }),
            Plot.dot(shown, { x: "value", y: "corpus", fill: ORANGE, r: 4 }),
            Plot.tip(shown, Plot.pointerY({ x: "value", y: "corpus", title: (row) => `${row.corpus}\n${row.gain}\n${bits(row.first)} and ${bits(row.second)} bits per byte` })),
          ],
        },
        table: [[{ key: "corpus", title: "corpus" }, { key: "first", title: name(state.row), show: bits }, { key: "second", title: name(state.reference), show: bits }, { key: "gain", title: "fewer bits" }], table],
      };
    });
    return element;
  }

  const columns = [
    { key: "name", title: "text is read as" }, ...["budget", "evaluation_set", "corpus", "metric", "against"].map((key) => ({ key, title: key.replace("_", " "), left: true })),
    ...["value", "low", "high"].map((key) => ({ key, title: key, show: bits })),
  ];
  const whole = h("details", {}, h("summary", {}, "All numbers"));
  whole.addEventListener("toggle", () => whole.querySelector(".sortable") ?? whole.append(sortableTable("Language models", columns, all.map((row) => ({ ...row, name: name(row.row) })))));
  return [said ? h("p", {}, said) : null, gains(), ...(order.length > 1 ? [byCorpus()] : []), whole].filter(Boolean);
}
