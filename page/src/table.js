// Tables that sort by their headings and filter by what is typed.
import { breakable, h, labelled, scrollable } from "./dom.js";

/**
 * columns: [{key, title, show: value -> text (or elements, where nothing is filtered), under: (value, row) -> a second
 * line, left: text column, long: in several lines, screen: too much for paper}]; rows: objects; screen: of a row, likewise.
 * Nothing of the table is drawn but the first `most` rows that match.
 */
export function sortableTable(caption, columns, rows, { most = 200, filter = rows.length > 8, screen = () => false } = {}) {
  let order = null;
  let rising = true;
  let wanted = "";
  const body = h("tbody");
  const note = h("p", { class: "note", role: "status" });
  const classOf = ({ left, long, screen }, i) =>
    [left || !i ? "left" : "", long ? "long" : "", screen ? "screen" : ""].filter(Boolean).join(" ") || null;
  const headings = columns.map((column, i) => {
    const { key, title } = column;
    const button = h("button", { type: "button", onclick: () => sortBy(key) }, title);
    return h("th", { scope: "col", class: classOf(column, i), "data-key": key }, button);
  });
  const text = (row, { key, show }) => (show ? show(row[key], row) : `${row[key] ?? "–"}`);
  const below = (row, { key, under }) => under?.(row[key], row) ?? "";

  function sortBy(key) {
    rising = order === key ? !rising : true;
    order = key;
    for (const heading of headings) {
      if (heading.dataset.key === key) heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
      else heading.removeAttribute("aria-sort");
    }
    draw();
  }

  function compare(a, b) {
    const [x, y] = [a[order], b[order]];
    if (x === y) return 0;
    if (x === null || x === undefined) return 1; // what is missing is last both ways
    if (y === null || y === undefined) return -1;
    const before = typeof x === "number" && typeof y === "number" ? x < y : `${x}`.localeCompare(`${y}`) < 0;
    return before === rising ? -1 : 1;
  }

  function draw() {
    const matching = rows.filter(
      (row) => !wanted || columns.some((column) => `${text(row, column)}\n${below(row, column)}`.toLowerCase().includes(wanted)),
    );
    const sorted = order ? [...matching].sort(compare) : matching;
    body.replaceChildren(
      ...sorted.slice(0, most).map((row) =>
        h("tr", { class: screen(row) ? "screen" : null }, columns.map((column, i) => {
          const second = below(row, column);
          const cell = text(row, column);
          const shown = i || typeof cell !== "string" ? cell : breakable(cell);
          return h(i ? "td" : "th", { scope: i ? null : "row", class: classOf(column, i) }, shown, second ? h("small", { class: "under" }, second) : null);
        })),
      ),
    );
    note.textContent =
      sorted.length > most ? `${most} of ${sorted.length} rows; type to find others.`
        : sorted.length < rows.length ? `${sorted.length} of ${rows.length} rows` : "";
  }

  draw();
  const search = h("input", { type: "search", oninput: (event) => { wanted = event.target.value.toLowerCase(); draw(); } });
  return h("div", { class: "sortable" },
    filter ? labelled("Filter", search) : null,
    scrollable(caption, h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, headings)), body)),
    note);
}
