// Observable Plot with what all figures have in common.
import * as Plot from "@observablehq/plot";
import { h, whenNear } from "./dom.js";
import { sortableTable } from "./table.js";

export const BLUE = "var(--blue)";
export const ORANGE = "var(--orange)";
export const GREY = "var(--grey)";
export const MOST = 40; // corpora in a figure; its table has all

/** A chart of options for Plot.plot, and `widest` in pixels; label: what a screen reader says of it. */
export function chart(label, room, { widest = 760, ...options }) {
  const element = Plot.plot({ className: "plot", width: Math.min(widest, Math.max(300, room || 700)), marginBottom: 46, inset: 6, ...options });
  const svg = element.matches("svg.plot") ? element : element.querySelector("svg.plot");
  for (const part of svg.querySelectorAll("[aria-label], [aria-description]")) {
    part.removeAttribute("aria-label"); // parts of one image have no names of their own
    part.removeAttribute("aria-description");
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  return element;
}

/** Room for the longest of these names, in pixels. */
export const marginFor = (names) => Math.min(220, 16 + 7 * Math.max(0, ...names.map((name) => `${name}`.length)));

/** The `most` of a list with the largest by(row), for better or worse; all if there are no more. */
export const firstBy = (list, by, most = MOST) =>
  list.length > most ? [...list].sort((a, b) => Math.abs(by(b)) - Math.abs(by(a))).slice(0, most) : list;

/** A figure with its caption, controls, drawing and table; draw() gives {options, table: [columns, rows]}. */
export function figure(title, caption, controls, draw) {
  const drawing = h("div", { class: "chart" });
  const numbers = h("details", {}, h("summary", {}, "Numbers"));
  const element = h("figure", {}, h("h3", {}, title), controls.length ? h("div", { class: "controls" }, controls) : null, drawing, h("figcaption", {}, caption), numbers);
  element.redraw = () => {
    const { options, table } = draw();
    drawing.replaceChildren(chart(`${title}. ${caption}`, drawing.clientWidth, options));
    numbers.querySelector(".sortable")?.remove();
    numbers.append(sortableTable(title, ...table));
  };
  whenNear(element, element.redraw);
  return element;
}
