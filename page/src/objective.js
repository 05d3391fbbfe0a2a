// The objective and its limits, as src/trex/objective has them. NSL is an array [sets][corpora], null where a set has
// no text of a corpus.

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** NSL [sets][corpora] of a surface's targets. */
export function nslOf(targets, { columns, sets, reference_tokens: reference }) {
  const nsl = sets.map((_, s) => reference[s].map(() => null));
  columns.forEach(([s, c], t) => (nsl[s][c] = targets[t]));
  return nsl;
}

function aggregate(kind, nsl, tokens, { weights, sharpness }) {
  const at = nsl.map((value, c) => (value === null ? 0 : value));
  if (kind === "worst") return Math.max(...at);
  if (kind === "soft_worst") {
    const largest = Math.max(...at);
    return largest + Math.log(sum(at.map((x) => Math.exp(sharpness * (x - largest)))) / at.length) / sharpness;
  }
  const by = { macro: at.map(() => 1), pooled: tokens, weighted: weights }[kind];
  return sum(at.map((x, c) => x * by[c])) / sum(by);
}

/** The objective of targets; kind: another aggregate than the run's. */
export function objectiveOf(targets, objective, kind = objective.aggregate) {
  const nsl = nslOf(targets, objective).slice(0, objective.counted);
  return sum(nsl.map((of, s) => aggregate(kind, of, objective.reference_tokens[s], objective))) / nsl.length;
}

/** Its standard deviation, from the targets' and joint held-out errors in their unit, [r][t]. */
export function objectiveStd(mean, std, residuals, objective, kind = objective.aggregate) {
  const value = objectiveOf(mean, objective, kind);
  const squares = residuals.map(
    (row) => (objectiveOf(mean.map((x, t) => x + std[t] * row[t]), objective, kind) - value) ** 2,
  );
  return Math.sqrt(sum(squares) / squares.length);
}

function gini(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const k = sorted.length;
  return sum(sorted.map((x, i) => x * (2 * (i + 1) - k - 1))) / (k * sum(sorted));
}

/**
 * How far limits are exceeded, as a share of each; 0 or less is kept.
 * limits: {max_loss: [{of, percent, targets: those compared with, null where there are none}], max_gini, max_premium}.
 */
export function excesses(targets, objective, limits) {
  const { columns, counted, sets, reference_tokens: reference, parallel_set: parallel, pivot } = objective;
  const found = [];
  for (const { of, percent, targets: compared } of limits.max_loss)
    columns.forEach(([s, c], t) => {
      if (s < counted && compared[t] !== null)
        found.push({ limit: `${percent} % above ${of}`, corpus: c, excess: targets[t] / (compared[t] * (1 + percent / 100)) - 1 });
    });
  const s = sets.indexOf(parallel);
  if (s < 0) return found;
  const nsl = nslOf(targets, objective)[s];
  const tokens = nsl.map((value, c) => (value === null ? null : value * reference[s][c]));
  const present = tokens.filter((value) => value !== null);
  if (limits.max_gini) found.push({ limit: "Gini coefficient", corpus: null, excess: gini(present) / limits.max_gini - 1 });
  if (limits.max_premium && pivot !== null)
    tokens.forEach((value, c) => {
      if (value !== null)
        found.push({ limit: "tokens for the same text", corpus: c, excess: value / tokens[objective.corpora.indexOf(pivot)] / limits.max_premium - 1 });
    });
  return found;
}
