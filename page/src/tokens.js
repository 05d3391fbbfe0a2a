// "Text as tokens", and the vocabulary browser.
import { data, unpack } from "./data.js";
import { count, h, labelled, scrollable, select } from "./dom.js";
import { encode, entry, loadTokenizer, readAs, seen, spellingOf } from "./encode.js";

const LONGEST = 20_000; // characters that are cut as one types
const SHOWN = 3_000; // tokens that are drawn one by one
const ENTRIES = 200;
const loaded = new Map();

/** The number of a tokenizer's blocks; equal tokenizers have the same. */
const blockOf = (name) => data.tokenizers.find((one) => one.name === name).block;

async function tokenizerOf(name) {
  if (!loaded.has(name)) {
    loaded.set(name, unpack(`tokenizer-${blockOf(name)}`).then((json) => ({ json, spelling: spellingOf(json, data.alphabet), tokenizer: loadTokenizer(json) })));
  }
  return loaded.get(name);
}

export function tokens(section) {
  const names = data.tokenizers.map(({ name }) => name);
  if (!names.length) return [h("p", {}, `Too large for this page: ${data.left_out.join(", ")}.`)];
  const text = h("textarea", { rows: 4, maxlength: LONGEST, spellcheck: "false", placeholder: "Type or paste text" });
  text.value = data.sample;
  const out = h("div", { class: "cuts", role: "status" });
  const full = h("p", { class: "note", role: "status" });
  const other = names.find((name) => name !== "chosen" && name !== data.chosen); // chosen is that mixture's
  const wanted = new Set([names[0], other].filter(Boolean));
  const boxes = names.map((name) => {
    const box = h("input", { type: "checkbox", checked: wanted.has(name) });
    box.addEventListener("change", () => {
      wanted[box.checked ? "add" : "delete"](name);
      cut();
    });
    return h("label", { class: "box" }, box, name);
  });
  let turn = 0;

  async function cut() {
    const mine = ++turn;
    const value = text.value.toWellFormed ? text.value.toWellFormed() : text.value;
    const n = new TextEncoder().encode(value).length;
    full.textContent = text.value.length < LONGEST ? "" : `Only the first ${count(LONGEST)} characters are taken.`;
    const parts = [];
    for (const name of names.filter((other) => wanted.has(other))) {
      const { tokenizer, spelling } = await tokenizerOf(name);
      if (mine !== turn) return; // the text has changed meanwhile
      const { ids, tokens: pieces } = encode(tokenizer, readAs(value, data.alphabet));
      const spans = pieces.slice(0, SHOWN).map((piece, i) => {
        const shown = entry(piece, spelling).text;
        return h("span", { class: `token${i % 2}`, title: `${ids[i]}: ${seen(shown)}` }, shown);
      });
      parts.push(h("section", { class: "cut", "data-name": name, "data-ids": JSON.stringify(ids) },
        h("h3", {}, name),
        h("p", {}, `${count(ids.length)} tokens, ${ids.length ? (n / ids.length).toFixed(2) : "–"} bytes per token`),
        h("p", { class: "text", lang: "", dir: "auto" }, spans, ids.length > SHOWN ? ` … ${count(ids.length - SHOWN)} more tokens` : null)));
    }
    out.replaceChildren(...parts);
    section.dataset.cut = `${mine}`;
  }

  let timer = 0;
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(cut, 80);
  });
  section.append(
    labelled(`Text (at most ${count(LONGEST)} characters)`, text),
    data.alphabet === "latin1" ? h("p", { class: "note" }, "Tokenizers of this run read bytes: here, the UTF-8 of the text.") : "",
    full, h("fieldset", { class: "controls" }, h("legend", {}, "Tokenizers"), boxes),
    data.left_out.length ? h("p", { class: "note" }, `Too large for this page: ${data.left_out.join(", ")}.`) : "", out);
  cut();
  // for tests in a browser
  section.encode = async (name, value) => encode((await tokenizerOf(name)).tokenizer, readAs(value, data.alphabet)).ids;
}

const SCRIPTS = ["Latin", "Cyrillic", "Greek", "Han", "Hiragana", "Katakana", "Hangul", "Arabic", "Hebrew", "Devanagari", "Bengali", "Tamil", "Telugu", "Thai", "Georgian", "Armenian", "Ethiopic", "Khmer", "Myanmar", "Sinhala", "Gujarati", "Gurmukhi", "Kannada", "Malayalam", "Lao", "Tibetan"];
const MATCHES = SCRIPTS.map((script) => [script, new RegExp(`\\p{Script=${script}}`, "u")]);

const scriptOf = (text) => MATCHES.find(([, pattern]) => pattern.test(text))?.[0] ?? "none";

export function vocabulary(section) {
  const names = data.tokenizers.map(({ name }) => name);
  let [name, wanted, script, corpus, least, order] = [names[0], "", "", "", 1, "id"];
  const body = h("tbody");
  const note = h("p", { class: "note", role: "status" });
  const known = new Map();

  async function entriesOf(which) {
    if (!known.has(which)) {
      const { json, spelling } = await tokenizerOf(which);
      const uses = await unpack(`vocabulary-${blockOf(which)}`);
      const of = new Map(uses.id.map((id, i) => [id, i]));
      const made = new Map((json.model.merges ?? []).map((pair) => {
        const [a, b] = Array.isArray(pair) ? pair : pair.split(" ");
        return [a + b, [a, b]];
      }));
      const { vocab } = json.model; // of Unigram a list of entries and scores
      const spellings = Array.isArray(vocab) ? vocab.map(([spelled], id) => [spelled, id]) : Object.entries(vocab);
      const entries = spellings.map(([spelled, id]) => {
        const { bytes, text, whole } = entry(spelled, spelling);
        const row = of.get(id);
        const use = row === undefined ? null : uses.count[row];
        return { id, spelled, text, bytes: bytes.length, script: whole ? scriptOf(text) : "none", use, corpus: data.corpora[uses.corpus[row]] ?? "–" };
      });
      known.set(which, { made, spelling, entries: entries.sort((a, b) => a.id - b.id) });
    }
    return known.get(which);
  }

  /** How merges made an entry: the two parts, and theirs in turn. */
  function path({ made, spelling }, spelled, deep = 0) {
    const parts = made.get(spelled);
    return h("li", {}, h("code", {}, seen(entry(spelled, spelling).text)), parts && deep < 12 ? h("ul", {}, parts.map((part) => path({ made, spelling }, part, deep + 1))) : null);
  }

  async function draw() {
    const of = await entriesOf(name);
    const { made, entries } = of;
    const found = entries.filter((one) => one.bytes >= least && (!script || one.script === script) && (!corpus || one.corpus === corpus) && (!wanted || one.text.includes(wanted.replaceAll("␣", " "))));
    const sorted = order === "id" ? found : [...found].sort((a, b) => ({ bytes: b.bytes - a.bytes, used: b.use - a.use, unused: a.use - b.use })[order]);
    note.textContent = `${count(found.length)} of ${count(entries.length)} entries${found.length > ENTRIES ? `; the first ${ENTRIES} are shown` : ""}`;
    body.replaceChildren(...sorted.slice(0, ENTRIES).map((one) => {
      const details = h("details", {}, h("summary", {}, made.has(one.spelled) ? "merges" : "no merge"));
      details.addEventListener("toggle", () => details.querySelector("ul") ?? details.append(h("ul", { class: "path" }, path(of, one.spelled))));
      return h("tr", {}, h("td", {}, `${one.id}`), h("th", { scope: "row", class: "left" }, h("code", {}, seen(one.text))), h("td", {}, `${one.bytes}`), h("td", { class: "left" }, one.script), h("td", {}, one.use === null ? "–" : count(one.use)), h("td", { class: "left" }, one.corpus), h("td", { class: "left" }, details));
    }));
    section.dataset.ready = "true";
  }

  const search = h("input", { type: "search" });
  search.addEventListener("input", () => { wanted = search.value; draw(); });
  const length = h("input", { type: "number", min: 1, value: 1, class: "short" });
  length.addEventListener("input", () => { least = length.valueAsNumber || 1; draw(); });
  section.append(
    h("div", { class: "controls" },
      labelled("Tokenizer", select(names.map((x) => [x, x]), name, (x) => { name = x; draw(); })),
      labelled("Holds", search), labelled("At least so many bytes", length),
      labelled("Script", select([["", "any"], ...SCRIPTS.map((x) => [x, x]), ["none", "none of these"]], "", (x) => { script = x; draw(); })),
      labelled("Most used by", select([["", "any corpus"], ...data.corpora.map((x) => [x, x])], "", (x) => { corpus = x; draw(); })),
      labelled("Order", select([["id", "as learned"], ["bytes", "longest first"], ["used", "most used first"], ["unused", "least used first"]], order, (x) => { order = x; draw(); }))),
    h("p", { class: "note" }, "Uses: tokens of the evaluation text (its test half). Most by: the corpus that has more of an entry, by the byte and within longer entries too, than all others together; – where none has."),
    note,
    scrollable("vocabulary",
      h("table", {}, h("thead", {}, h("tr", {}, [["id"], ["entry", "left"], ["bytes"], ["script", "left"], ["uses"], ["most by", "left"], ["how it came about", "left"]].map(([title, side]) => h("th", { scope: "col", class: side }, title)))), body)));
  draw();
}
