// "What if": sliders for the shares, and at once what the run's surfaces predict of them.
import { data, mixtures, rows, shareOf, unpack } from "./data.js";
import { Z95, changesChart } from "./changes.js";
import { count, h, labelled, nsl, percent, scrollable, select, signed } from "./dom.js";
import { mixtureYaml, moveShare, nameOf, outsideSupport, startFrom } from "./mixture.js";
import { limitControls } from "./limits.js";
import { nslOf, objectiveOf, objectiveStd } from "./objective.js";
import { loadSurface } from "./surfaces.js";

const FOLDED = 24; // more corpora than this are folded by script
const AGGREGATES = {
  macro: "mean of the corpora", pooled: "all text together", worst: "worst corpus",
  weighted: "weighted mean", soft_worst: "smooth maximum",
};
const { corpora, objective, support } = data;

const some = (names) => names.slice(0, 6).join(", ") + (names.length > 6 ? ` and ${names.length - 6} more` : "");
const predictors = new Map();

/** The surfaces of the run for a vocabulary size, unpacked when first asked for. */
function predictor(vocabSize) {
  if (!predictors.has(vocabSize)) predictors.set(vocabSize, loadPredictor(vocabSize));
  return predictors.get(vocabSize);
}

/** Targets of every corpus, and the objective as the run predicts it. */
async function loadPredictor(vocabSize) {
  const { used, by_corpus: byCorpus, surfaces } = await unpack(`surfaces-${vocabSize}`);
  const load = (name) => ({ ...loadSurface(surfaces[name].surface), residuals: surfaces[name].residuals });
  const targets = load(byCorpus);
  const direct = used === byCorpus ? null : load(used);
  const known = new Map();
  return {
    vocabSize,
    used,
    byCorpus,
    predict: (shares) => targets.predict(shares),
    /** Of a mixture of the run. */
    predictNamed(name) {
      if (!known.has(name)) known.set(name, targets.predict(sharesOf(`mixture:${name}`)));
      return known.get(name);
    },
    /** Of targets predicted at these shares, the objective with its standard deviation. */
    score(shares, { mean, std }, kind) {
      if (direct && kind === objective.aggregate) {
        const found = direct.predict(shares);
        return { value: found.mean[0], std: found.std[0] };
      }
      return {
        value: objectiveOf(mean, objective, kind),
        std: objectiveStd(mean, std, targets.residuals, objective, kind),
      };
    },
  };
}

const starts = () => [
  ...mixtures.map((row) => [`mixture:${row.name}`, row.name === data.chosen ? `${row.name} (recommended)` : `${row.name} (${row.role})`]),
  ...rows(data.front).map((row) => [`front:${row.name}`, `front ${row.name}: average ${nsl(row.average)}, worst ${nsl(row.worst)}`]),
];

function sharesOf(id) {
  const [kind, ...rest] = id.split(":");
  const name = rest.join(":");
  const row = (kind === "front" ? rows(data.front) : mixtures).find((other) => other.name === name);
  return shareOf(row);
}

export async function explore(section) {
  let surface = await predictor(data.proxy_vocab_size);
  const baselines = mixtures.filter((row) => row.role === "baseline" && row.name !== data.chosen).map(({ name }) => name);
  const state = {
    shares: sharesOf(`mixture:${data.chosen}`),
    proportions: sharesOf(`mixture:${data.chosen}`), // of the last start, which shares that became 0 come back to
    locked: corpora.map(() => false),
    against: baselines.find((name) => Object.hasOwn(objective.max_loss, name)) ?? baselines[0] ?? data.chosen,
    kind: objective.aggregate,
    set: 0,
  };

  // --- controls ---
  const start = select([["", "your own shares"], ...starts()], `mixture:${data.chosen}`, (id) => {
    if (!id) return;
    state.proportions = sharesOf(id);
    state.shares = startFrom(state.proportions, state.shares, state.locked);
    const kept = corpora.filter((_, i) => state.locked[i]);
    if (kept.length) start.value = ""; // these are not that mixture's shares
    stuck.textContent = kept.length
      ? `Locked shares stayed: ${some(kept)}. The others have their proportions of ${id.slice(id.indexOf(":") + 1)}.`
      : "";
    draw();
  });
  const against = select(mixtures.map(({ name }) => [name, name]), state.against, (name) => {
    state.against = name;
    draw();
  });
  const kinds = Object.keys(AGGREGATES).filter((kind) => kind !== "weighted" || objective.aggregate === "weighted");
  const kind = select(kinds.map((name) => [name, AGGREGATES[name]]), state.kind, (value) => {
    state.kind = value;
    draw();
  });
  const sets = select(objective.sets.map((name, s) => [`${s}`, name]), "0", (value) => {
    state.set = Number(value);
    draw();
  });
  const stuck = h("p", { class: "note", role: "status" }); // why shares did not go where they were sent
  const limits = limitControls(() => draw());
  const size = sizes((value) => resize(value));

  // --- a row for each corpus ---
  // of 100 corpora, shares are of 1 %: a slider goes to twice the largest there is, and the number beside it further
  const largest = Math.min(1, Math.max(0.1, 2 * Math.max(...support.high, ...mixtures.flatMap(shareOf))));
  const rowsOf = corpora.map((corpus, i) => {
    const slider = h("input", { type: "range", min: 0, max: largest, step: "any", "aria-label": `share of ${corpus}` });
    const number = h("input", { type: "number", min: 0, max: 100, step: 0.1, class: "short", "aria-label": `share of ${corpus} in percent` });
    const lock = h("input", { type: "checkbox", "aria-label": `lock the share of ${corpus}` });
    const move = (value) => {
      const before = state.shares[i];
      state.shares = moveShare(state.shares, i, value, state.locked, state.proportions);
      if (state.locked.every((is, j) => is || j === i))
        stuck.textContent = `All other shares are locked, so that of ${corpus} stays at ${percent(before)}. Unlock one.`;
      else stuck.textContent = Math.min(value, 1) > state.shares[i] + 1e-9 ? `Locked shares leave ${percent(state.shares[i])} for ${corpus}.` : "";
      start.value = "";
      requestDraw();
    };
    slider.addEventListener("input", () => move(slider.valueAsNumber));
    slider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5 }[event.key];
      if (!step) return;
      event.preventDefault();
      move(state.shares[i] + step / 100);
    });
    number.addEventListener("change", () => {
      if (number.value !== "") move(number.valueAsNumber / 100);
      number.value = (100 * state.shares[i]).toFixed(2); // what it really is now, whatever was typed
    });
    lock.addEventListener("change", () => {
      state.locked[i] = slider.disabled = number.disabled = lock.checked;
      slider.title = number.title = lock.checked ? "locked: untick to change it" : "";
      stuck.textContent = "";
    });
    const [predicted, interval, change] = [h("span"), h("span", { class: "interval" }), h("td")];
    const element = h("tr", {},
      h("th", { scope: "row", class: "left" }, corpus), h("td", {}, lock),
      h("td", { class: "slider" }, slider), h("td", {}, number), h("td", { class: "predicted" }, predicted, " ", interval), change);
    return { element, slider, number, predicted, interval, change };
  });
  const byScript = Map.groupBy ? Map.groupBy(corpora.keys(), (i) => data.scripts[i]) : group([...corpora.keys()], (i) => data.scripts[i]);
  const folded = corpora.length > FOLDED && byScript.size > 1;
  const bodies = folded
    ? [...byScript].map(([script, members]) => {
        const body = h("tbody", {});
        const [sum, nslOfGroup, changeOfGroup] = [h("td"), h("td"), h("td")];
        const button = h("button", { type: "button", class: "fold", "aria-expanded": "false" }, `${script} (${members.length})`);
        const show = (open) => {
          button.setAttribute("aria-expanded", open);
          for (const i of members) rowsOf[i].element.hidden = !open;
        };
        button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
        body.append(h("tr", { class: "group" }, h("th", { scope: "rowgroup", class: "left", colspan: 3 }, button), sum, nslOfGroup, changeOfGroup),
          ...members.map((i) => rowsOf[i].element));
        show(false);
        const fill = (shares, mean, old) => {
          const known = members.filter((i) => mean[i] !== null);
          const meanOf = (values) => known.reduce((total, i) => total + values[i], 0) / known.length;
          sum.textContent = percent(members.reduce((total, i) => total + shares[i], 0));
          nslOfGroup.textContent = known.length ? nsl(meanOf(mean)) : "–";
          changeOfGroup.textContent = known.length ? signed(100 * (meanOf(mean) / meanOf(old) - 1)) : "–";
        };
        return { body, members, fill, show };
      })
    : [{ body: h("tbody", {}, rowsOf.map(({ element }) => element)), members: [...corpora.keys()], fill() {}, show() {} }];
  const search = h("input", { type: "search" });
  search.addEventListener("input", () => {
    const wanted = search.value.toLowerCase();
    for (const { members, show } of bodies) {
      if (!wanted) show(false);
      for (const i of members) if (wanted || !folded) rowsOf[i].element.hidden = !corpora[i].toLowerCase().includes(wanted);
    }
  });

  // --- what it says ---
  const [value, changed, kept, warning] = [h("p", { class: "big" }), h("p"), h("p"), h("p", { class: "warning" })];
  const said = h("div", { class: "said", role: "status", "aria-live": "polite" }, value, changed, kept, warning);
  const note = h("p", { class: "note" });
  const drawing = changesChart();
  const name = h("input", { type: "text", value: "what_if" });
  const where = select([["proxies.mixtures", "proxies.mixtures (train a proxy on it)"], ["baselines", "baselines (measure it)"]], "proxies.mixtures", () => draw());
  const yaml = h("textarea", { readonly: true, rows: Math.min(corpora.length + 3, 12), class: "screen", spellcheck: "false", "aria-label": "the mixture as YAML", id: "yaml" });
  const copied = h("span", { role: "status" });
  const copy = h("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(yaml.value);
      copied.textContent = "copied";
    } catch {
      yaml.select(); // without a clipboard the text is selected, to be copied by hand
      copied.textContent = "selected";
    }
  });
  name.addEventListener("input", () => draw());

  let waiting = false;
  function requestDraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }

  let known = {}; // the score of the mixture to compare with
  function compared() {
    const { against: name, kind } = state;
    const there = surface.predictNamed(name);
    if (known.surface !== surface || known.name !== name || known.kind !== kind)
      known = { surface, name, kind, score: surface.score(sharesOf(`mixture:${name}`), there, kind) };
    return [there, known.score];
  }

  let asked = data.proxy_vocab_size;
  async function resize(vocabSize) {
    asked = vocabSize;
    const found = await predictor(vocabSize);
    if (asked !== vocabSize) return; // the slider has moved on
    surface = found;
    draw();
  }

  function draw() {
    const begun = performance.now();
    const { shares } = state;
    const here = surface.predict(shares);
    const now = surface.score(shares, here, state.kind);
    const [there, before] = compared();
    value.textContent = `Objective ${nsl(now.value)} ± ${nsl(Z95 * now.std)}`;
    const gain = 100 * (1 - now.value / before.value);
    const size = Math.abs(gain).toFixed(2);
    const than = Number(size) ? `${size} % ${gain < 0 ? "more" : "less"} than` : "the same as";
    changed.textContent = `${than} ${state.against} (${nsl(before.value)}), by prediction`;
    kept.textContent = limits.verdict(here.mean, surface, state.against);
    note.textContent = noteOf(surface);
    const outside = outsideSupport(shares, support);
    warning.hidden = !outside.length;
    warning.textContent = outside.length
      ? `Outside of what proxies were trained on: ${outside.slice(0, 6).map((i) => `${corpora[i]} (${percent(support.low[i], 1)} to ${percent(support.high[i], 1)})`).join(", ")}${outside.length > 6 ? ` and ${outside.length - 6} more` : ""}. There the prediction is a guess.`
      : "";
    const [mean, std, old] = [here.mean, here.std, there.mean].map((values) => nslOf(values, objective)[state.set]);
    rowsOf.forEach((row, i) => {
      row.slider.value = shares[i];
      row.slider.setAttribute("aria-valuetext", percent(shares[i], 1));
      if (document.activeElement !== row.number) row.number.value = (100 * shares[i]).toFixed(2);
      row.predicted.textContent = nsl(mean[i]);
      row.interval.textContent = mean[i] === null ? "" : `± ${nsl(Z95 * std[i])}`;
      row.change.textContent = mean[i] === null ? "–" : signed(100 * (mean[i] / old[i] - 1));
    });
    for (const { fill } of bodies) fill(shares, mean, old); // of a folded script, its sum and means
    drawing.show(mean, std, old, state.against);
    section.dataset.built = drawing.built; // how often the chart was built, not moved
    yaml.value = mixtureYaml(where.value, nameOf(name.value), corpora, shares, data.baselines);
    section.dataset.vocab = surface.vocabSize;
    section.dataset.drawn = (performance.now() - begun).toFixed(1);
    section.current = { shares, here, now };
  }

  section.append(
    note,
    h("div", { class: "controls" }, labelled("Start from", start), labelled("Compare with", against), labelled("Objective", kind), objective.sets.length > 1 ? labelled("Corpora on", sets) : null, size),
    limits.element,
    said,
    stuck,
    corpora.length > 8 ? labelled("Find a corpus", search) : "",
    scrollable("shares and predictions",
      h("table", { class: "shares" },
        h("thead", {}, h("tr", {}, [["corpus", "left"], ["lock"], ["share", "left"], ["%"], ["NSL, 95 %"], ["change"]].map(([title, side]) => h("th", { scope: "col", class: side }, title)))),
        bodies.map(({ body }) => body))),
    drawing.element,
    h("h3", { class: "screen" }, "Measure it"),
    h("p", { class: "screen" }, "A prediction is no measurement. Paste this into the config and run again; no proxy is trained twice."),
    h("div", { class: "controls" }, labelled("Section", where), labelled("Name", name), copy, copied),
    yaml,
  );
  draw();
  // for tests in a browser
  section.predict = (shares, aggregate) => {
    const found = surface.predict(shares);
    return { ...found, objective: surface.score(shares, found, aggregate ?? objective.aggregate) };
  };
  section.limits = limits;
  section.surface = () => surface;
  section.dataset.ready = "true";
}

/** Steps through the vocabulary sizes that proxies were measured at; null of one size. */
function sizes(onchange) {
  const grid = data.vocab_grid;
  if (grid.length < 2) return null;
  const slider = h("input", { type: "range", min: 0, max: grid.length - 1, step: 1, id: "explore-vocab" });
  const output = h("output", { for: slider.id });
  const show = () => {
    const size = count(grid[slider.valueAsNumber]);
    output.textContent = size;
    slider.setAttribute("aria-valuetext", size);
  };
  slider.value = grid.indexOf(data.proxy_vocab_size);
  show();
  slider.addEventListener("input", () => {
    show();
    onchange(grid[slider.valueAsNumber]);
  });
  return h("span", { class: "stepped" }, labelled("Vocabulary of the proxies", slider), output);
}

function noteOf({ vocabSize, used, byCorpus }) {
  const own = used === byCorpus ? "" : ` (the run's own objective: ${used})`;
  const other = vocabSize === data.proxy_vocab_size ? "" : `; the mixtures were searched at ${count(data.proxy_vocab_size)}`;
  return `Predictions of the regression ${byCorpus}${own} for proxies with a vocabulary of ${count(vocabSize)}${other}, with 95 % intervals of a new measurement.`;
}

function group(items, by) {
  const found = new Map();
  for (const item of items) found.set(by(item), [...(found.get(by(item)) ?? []), item]);
  return found;
}
