// What the page was written with: blocks of JSON, and of compressed JSON that is unpacked when asked for.

export const data = JSON.parse(document.getElementById("data").textContent);
if (data.objective) data.objective.corpora = data.corpora; // a run without a search has none

/** The rows of a table that is stored by column; none of a table that this run does not have. */
export function rows(columns) {
  const names = Object.keys(columns ?? {});
  const n = names.length ? columns[names[0]].length : 0;
  return Array.from({ length: n }, (_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}

const unpacked = new Map();

/** The JSON of a compressed block, unpacked once. */
export function unpack(id) {
  if (!unpacked.has(id)) unpacked.set(id, unpackBlock(document.getElementById(id).textContent));
  return unpacked.get(id);
}

async function unpackBlock(base64) {
  const bytes = Uint8Array.from(atob(base64.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

export const mixtures = rows(data.mixtures);
export const shareOf = (row) => data.corpora.map((corpus) => row[corpus]);
