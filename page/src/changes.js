// The chart of "what if": predicted changes by corpus, which follow the sliders. To build a chart takes tens of
// milliseconds, so as long as new values suit its axis, its marks are moved instead.
import * as Plot from "@observablehq/plot";
import { data } from "./data.js";
import { h } from "./dom.js";
import { MOST, chart, firstBy, marginFor } from "./plot.js";

export const Z95 = 1.959964; // 95 % of a normal distribution lie within so many standard deviations of its mean
const AROUND = 0.25; // of the width of the values, free on both sides, so that they may move
const NARROW = 0.3; // values that fill less of the axis have another one
const QUIET = 300; // milliseconds without a move, after which a chart of some of the corpora takes those that change most

const endsOf = (points) => [Math.min(0, ...points.map(({ low }) => low)), Math.max(0, ...points.map(({ high }) => high))];

/** {element, show(mean, std, old, against)} of NSL by corpus; `built`: how often the chart was built. */
export function changesChart() {
  const element = h("div", { class: "chart" });
  const self = { element, show, built: 0 };
  let chartNow = null; // what is drawn: its key, corpora, axis and marks
  let latest = null;
  let waiting = 0;

  function show(mean, std, old, against) {
    const points = data.corpora.flatMap((corpus, i) => {
      if (mean[i] === null) return [];
      const of = (value) => 100 * (value / old[i] - 1);
      return [{ corpus, change: of(mean[i]), low: of(mean[i] - Z95 * std[i]), high: of(mean[i] + Z95 * std[i]) }];
    });
    latest = { points, against, key: `${against}\n${points.length}` };
    const moved = chartNow?.key === latest.key && move();
    if (moved && points.length <= MOST) return;
    clearTimeout(waiting); // the numbers are drawn first
    waiting = setTimeout(build, moved ? QUIET : 0);
  }

  /** Whether the values suit the axis, and so were drawn. */
  function move() {
    const { shown, axis, lines, dots, x } = chartNow;
    const at = new Map(latest.points.map((point) => [point.corpus, point]));
    const points = shown.map((corpus) => at.get(corpus));
    const [low, high] = endsOf(points);
    if (low < axis[0] || high > axis[1] || high - low < NARROW * (axis[1] - axis[0])) return false;
    points.forEach((point, i) => {
      lines[i].setAttribute("x1", x(point.low));
      lines[i].setAttribute("x2", x(point.high));
      dots[i].setAttribute("cx", x(point.change));
    });
    return true;
  }

  function build() {
    const { points, against, key } = latest;
    const all = firstBy(points, ({ change }) => change);
    const shown = all.map(({ corpus }) => corpus);
    const [low, high] = endsOf(all);
    const axis = [low - AROUND * (high - low), high + AROUND * (high - low)];
    const plot = chart(`Predicted change of the NSL of each corpus against ${against}, in percent`, element.clientWidth, {
      height: 72 + 17 * shown.length, marginLeft: marginFor(shown), marginRight: 16,
      x: { label: `NSL against ${against} (%; left is better)`, grid: true, domain: axis }, y: { label: null, domain: shown },
      marks: [
        Plot.ruleX([0], { stroke: "currentColor" }),
        Plot.ruleY(all, { className: "intervals", x1: "low", x2: "high", y: "corpus", stroke: "var(--blue)", strokeOpacity: 0.5, strokeWidth: 4 }),
        Plot.dot(all, { className: "changes", x: "change", y: "corpus", fill: "var(--orange)", r: 4 }),
      ],
    });
    element.replaceChildren(plot);
    const of = (mark, tag) => [...plot.querySelectorAll(`.${mark} ${tag}`)];
    chartNow = { key, shown, axis, lines: of("intervals", "line"), dots: of("changes", "circle"), x: plot.scale("x").apply };
    self.built++;
  }

  return self;
}
