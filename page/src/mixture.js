// Shares that sum to 1: what a slider does to the others, and the YAML of a mixture.

/**
 * The shares after one is moved: locked ones stay, the others keep their proportions. If all are 0, they have none, and
 * get those of `fallback`, or equal parts.
 * The moved share goes no further than the locked ones leave room for, and not at all if it is locked itself.
 */
export function moveShare(shares, moved, value, locked, fallback = shares) {
  if (locked[moved]) return shares;
  const free = shares.map((_, i) => i !== moved && !locked[i]);
  const fixed = shares.reduce((sum, share, i) => sum + (i !== moved && locked[i] ? share : 0), 0);
  const sumOf = (values) => values.reduce((sum, share, i) => sum + (free[i] ? share : 0), 0);
  const parts = sumOf(shares) > 0 ? shares : fallback;
  const rest = sumOf(parts);
  const room = Math.max(0, 1 - fixed);
  const anyFree = free.some(Boolean);
  const target = anyFree ? Math.min(Math.max(value, 0), room) : room;
  const count = free.filter(Boolean).length;
  return shares.map((share, i) => {
    if (i === moved) return target;
    if (!free[i]) return share;
    return rest > 0 ? (parts[i] / rest) * (room - target) : (room - target) / count;
  });
}

/** The shares of another mixture, but locked ones stay; the others keep the proportions that they have there. */
export function startFrom(start, shares, locked) {
  const sumOf = (values, of) => values.reduce((sum, share, i) => sum + (of(i) ? share : 0), 0);
  const room = Math.max(0, 1 - sumOf(shares, (i) => locked[i]));
  const rest = sumOf(start, (i) => !locked[i]);
  const free = locked.filter((is) => !is).length;
  return start.map((share, i) => {
    if (locked[i]) return shares[i];
    return rest > 0 ? (share / rest) * room : room / free;
  });
}

/** Corpora whose share is outside what proxies were trained on. */
export function outsideSupport(shares, { low, high }, tolerance = 1e-6) {
  return shares.flatMap((share, i) => (share < low[i] - tolerance || share > high[i] + tolerance ? [i] : []));
}

const PLAIN = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const WORDS = /^(y|n|yes|no|on|off|true|false|null)$/i; // which YAML takes for something else
const key = (text) => (PLAIN.test(text) && !WORDS.test(text) ? text : JSON.stringify(text));

/** What was typed as a name that the config takes: a small letter, then small letters, digits or _. */
export function nameOf(typed) {
  const name = typed.toLowerCase().replace(/[^a-z0-9_]+/g, "_").slice(0, 60);
  if (!/[a-z0-9]/.test(name)) return "what_if";
  return /^[a-z]/.test(name) && !WORDS.test(name) ? name : `m_${name}`;
}

/**
 * Shares as YAML for a section of the config, with a sum of 1 to the last digit. baselines: those of the run by name, which
 * the section has too, since a config that names any has no others; a comment tells of one whose name is taken.
 */
export function mixtureYaml(section, name, corpora, shares, baselines = {}) {
  const millionths = shares.map((share) => share * 1e6);
  const parts = millionths.map(Math.floor);
  // what is cut off goes to those that lose most by it, one millionth each
  const left = Math.round(1e6 - parts.reduce((sum, part) => sum + part, 0));
  const byLoss = [...parts.keys()].sort((a, b) => millionths[b] - parts[b] - (millionths[a] - parts[a]));
  for (const i of byLoss.slice(0, left)) parts[i]++;
  const lines = corpora.map((corpus, i) => `${key(corpus)}: ${(parts[i] / 1e6).toFixed(6)}`);
  const others = Object.entries(baselines).filter(([other]) => other !== name).map(([other, is]) => `  ${key(other)}: ${JSON.stringify(is)}\n`);
  const taken = section === "baselines" && Object.hasOwn(baselines, name);
  const comment = taken ? `# in place of the run's baseline ${name}: give another name to keep both\n` : "";
  const head = section === "baselines" ? `${comment}baselines:\n${others.join("")}  ${name}:\n    shares:` : `proxies:\n  mixtures:\n    ${name}:`;
  return `${head}\n${lines.map((line) => `      ${line}`).join("\n")}\n`;
}
