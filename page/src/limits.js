// The limits of "what if": those of the config to begin with, against mixtures of the run and existing tokenizers.
import { data } from "./data.js";
import { h, labelled, percent } from "./dom.js";
import { excesses } from "./objective.js";

const { corpora, objective, existing_limits: existing } = data;

/** Of an existing tokenizer, the targets of a proxy that would become as good at full scale. */
const targetsOf = (name, vocabSize) => {
  const nsl = existing[name][vocabSize];
  return objective.columns.map(([s, c]) => nsl[s][c]);
};

/** Controls, and what they say of predicted targets. onchange: when one was changed. */
export function limitControls(onchange) {
  const number = (value, step) => {
    const control = h("input", { type: "number", min: 0, step, value, class: "short", oninput: onchange });
    return { control, read: () => (control.value === "" || control.validity.rangeUnderflow ? null : Number(control.value)) };
  };
  const named = Object.entries(objective.max_loss).map(([name, most]) => ({ name, ...number(most, 0.1) }));
  const other = number(null, 0.1);
  const gini = number(objective.max_gini, 0.01);
  const premium = number(objective.max_premium, 0.1);
  const parallel = objective.sets.includes(objective.parallel_set);
  const existingNote = Object.keys(existing).length
    ? h("p", { class: "note" }, `${Object.keys(existing).join(", ")}: existing, and compared as proxies that would be as good at full scale. The run decides there.`)
    : null;
  const element = h("fieldset", { class: "controls" }, h("legend", {}, "Limits"),
    named.map(({ name, control }) => labelled(`no corpus more than … % above ${name}`, control)),
    labelled("no corpus more than … % above what it is compared with", other.control),
    parallel ? labelled("Gini coefficient at most", gini.control) : null,
    parallel && objective.pivot ? labelled(`tokens at most … times ${objective.pivot}'s`, premium.control) : null,
    existingNote);

  /** All limits that are set, by how much each is exceeded: see `excesses`. null: none is set. */
  function of(targets, surface, against) {
    const max_loss = [...named, { name: against, ...other }]
      .map(({ name, read }) => ({ of: name, percent: read() }))
      .filter((limit) => limit.percent !== null)
      .map((limit) => ({ ...limit, targets: Object.hasOwn(existing, limit.of) ? targetsOf(limit.of, surface.vocabSize) : surface.predictNamed(limit.of).mean }));
    const limits = { max_loss, max_gini: gini.read(), max_premium: premium.read() };
    return max_loss.length || limits.max_gini || limits.max_premium ? excesses(targets, objective, limits) : null;
  }

  function verdict(targets, surface, against) {
    const found = of(targets, surface, against);
    const over = found?.filter(({ excess }) => excess > 1e-9).sort((a, b) => b.excess - a.excess);
    if (!over?.length) return found ? "All limits are kept." : "";
    const named = over.slice(0, 5).map(({ limit, corpus, excess }) => `${corpus === null ? limit : `${corpora[corpus]} (${limit})`} by ${percent(excess)}`);
    return `Over the limits: ${named.join(", ")}${over.length > 5 ? ` and ${over.length - 5} more` : ""}`;
  }

  return { element, of, verdict };
}
