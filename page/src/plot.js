// Observable Plot with what all figures have in common.
import * as Plot from "@observablehq/plot";

/** A chart of options for Plot.plot; label: what a screen reader says of it. */
export function chart(label, room, options) {
  const element = Plot.plot({ className: "plot", width: Math.min(760, Math.max(300, room || 700)), marginBottom: 46, inset: 6, ...options });
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
