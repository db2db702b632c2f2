// SPDX-License-Identifier: Apache-2.0
// Draws the curves of a report with dygraphs. The page holds the same numbers as tables, so nothing depends on this.
(() => {
  "use strict";
  const source = document.getElementById("result");
  if (!source || typeof Dygraph === "undefined") return;
  const result = JSON.parse(source.textContent);

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const color = (index) => css("--c" + (index % 8));
  const finite = (value) => typeof value === "number" && isFinite(value);
  const sorted_union = (lists) => [...new Set(lists.flat())].sort((a, b) => a - b);
  const round = (value) => (finite(value) ? String(+value.toPrecision(4)) : "–");

  // One optimizer keeps one color on the whole page.
  const names = result.measured.map((m) => m.optimizer);
  for (const point of result.pilot) if (!names.includes(point.optimizer)) names.push(point.optimizer);
  const color_of = (name) => color(Math.max(0, names.indexOf(name)));

  // Powers of ten, and 2 and 5 times them where there are few.
  const log_ticks = (low, high) => {
    const decades = Math.log10(high / low);
    const ticks = [];
    for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); ++k) {
      for (const m of decades > 2.5 ? [1] : [1, 2, 5]) {
        const v = m * 10 ** k;
        if (v >= low * 0.999 && v <= high * 1.001) ticks.push({ v, label: String(+v.toPrecision(2)) });
      }
    }
    return ticks;
  };

  const escaped = (text) => {
    const span = document.createElement("span");
    span.textContent = text;
    return span.innerHTML;
  };

  /**
   * series: [{name, color, values, dash?, points?, ring?}]; a value is a number, [low, middle, high] or null; ring: of each x
   * whether its point is marked. x must be sorted.
   */
  const draw = (place, { x, series, x_label, y_label, x_log = false, y_range }) => {
    const has_bars = series.some((s) => s.values.some(Array.isArray));
    const cell = (v) => (!has_bars || v === null || Array.isArray(v) ? v : [v, v, v]);
    const canvas = document.createElement("div");
    const legend = document.createElement("div");
    legend.className = "legend";
    place.replaceChildren(canvas, legend);
    canvas.style.height = Math.min(380, Math.max(260, place.clientWidth * 0.55)) + "px";
    const of_series = {};
    for (const s of series) {
      of_series[s.name] = {
        color: s.color, strokePattern: s.dash ?? null, drawPoints: Boolean(s.points), pointSize: 3,
        drawPointCallback: (g, name, context, cx, cy, c, size, row) => {
          Dygraph.Circles.DEFAULT(g, name, context, cx, cy, c, size);
          if (!s.ring || !s.ring[row]) return;
          context.beginPath();
          context.arc(cx, cy, 7, 0, 2 * Math.PI);
          context.strokeStyle = c;
          context.lineWidth = 2;
          context.stroke();
        },
      };
    }
    // A little room beside the outermost points, of a factor on a logarithmic axis.
    const pad = x_log ? (x[x.length - 1] / x[0]) ** 0.03 : (x[x.length - 1] - x[0]) * 0.015;
    const window_of_x = x.length < 2 ? null : x_log ? [x[0] / pad, x[x.length - 1] * pad] : [x[0] - pad, x[x.length - 1] + pad];
    return new Dygraph(canvas, x.map((v, i) => [v, ...series.map((s) => cell(s.values[i]))]), {
      labels: [x_label, ...series.map((s) => s.name)], series: of_series, customBars: has_bars, connectSeparatedPoints: true,
      dateWindow: window_of_x, valueRange: y_range, fillAlpha: 0.16, strokeWidth: 2, highlightCircleSize: 4,
      xlabel: escaped(x_label), ylabel: escaped(y_label), labelsDiv: legend, legend: "always",
      gridLineColor: css("--line"), gridLineWidth: 1, axisLineColor: css("--quiet"), axisLabelFontSize: 12,
      legendFormatter: (data) => (data.x === undefined ? "" : "<span>" + escaped(x_label) + " " + round(data.x) + "</span>") +
        data.series.map((s) => "<span><i style=\"color:" + s.color + "\">" + s.dashHTML + "</i> " + s.labelHTML +
          (data.x === undefined || !finite(s.y) ? "" : " <b>" + round(s.y) + "</b>") + "</span>").join(""),
      axes: {
        x: { logscale: x_log, valueFormatter: round, axisLabelFormatter: round, ...(x_log ? { ticker: log_ticks } : {}) },
        y: { valueFormatter: round, axisLabelFormatter: round, axisLabelWidth: 52 },
      },
    });
  };

  const aligned = (x, points, value) => {
    const at = new Map();
    for (const point of points) if (finite(value(point))) at.set(point.x, value(point));
    return x.map((v) => (at.has(v) ? at.get(v) : null));
  };

  const with_margin = (low, high) => {
    const margin = 0.05 * Math.max(high - low, 1e-3);
    return [low - margin, high + margin];
  };
  const middle = (v) => (Array.isArray(v) ? v[1] : v);
  const interval = (values) =>
    values.length ? [Math.min(...values), values.reduce((a, b) => a + b) / values.length, Math.max(...values)] : null;
  // The first seventh of training, where all curves fall alike, does not stretch the axis.
  const loss_range = (x, series) => {
    const from = x[0] + (x[x.length - 1] - x[0]) / 7;
    const shown = series.flatMap((s) => s.values.filter((_, i) => x[i] >= from)).flat().filter(finite);
    return shown.length ? with_margin(Math.min(...shown), Math.max(...shown)) : [0, 1];
  };
  // Nor do the worst learning rates: what is above three times the median's distance from the best leaves the chart.
  const valley_range = (series) => {
    const all = series.flatMap((s) => s.values.map(middle)).filter(finite).sort((a, b) => a - b);
    return all.length ? with_margin(all[0], Math.min(all[all.length - 1], all[0] + 3 * (all[all.length >> 1] - all[0]))) : [0, 1];
  };

  const charts = {
    loss: (place) => {
      const raced = result.measured.filter((m) => m.curves.length);
      const x = sorted_union(raced.map((m) => m.curves.flatMap((c) => c.points.map((p) => p.step))));
      const series = raced.map((m) => ({
        name: m.optimizer, color: color_of(m.optimizer),
        values: x.map((step) => interval(m.curves.map((c) => c.points.find((p) => p.step === step)?.validation_loss).filter(finite))),
      }));
      return draw(place, { x, series, x_label: "step", y_label: "validation loss", y_range: loss_range(x, series) });
    },
    rates: (place) => {
      const raced = result.measured.filter((m) => m.learning_rates.length);
      const x = sorted_union(raced.map((m) => m.learning_rates.map((r) => r.learning_rate))).filter((rate) => rate > 0);
      const series = raced.map((m) => ({
        name: m.optimizer, color: color_of(m.optimizer), points: true, ring: x.map((rate) => rate === m.learning_rate),
        values: x.map((rate) => interval(m.learning_rates.filter((r) => r.learning_rate === rate).flatMap((r) => r.final_losses).filter(finite))),
      }));
      return draw(place, { x, series, x_label: "learning rate", y_label: "final validation loss", x_log: true,
        y_range: valley_range(series) });
    },
    density: (place) => {
      const lines = new Map();
      const add = (name, dash, c, point) => {
        if (!finite(point.noise_density) || point.noise_density < 0) return;
        if (!lines.has(name)) lines.set(name, { name, dash, color: c, at: [] });
        lines.get(name).at.push({ x: point.step, y: point.noise_density });
      };
      // A pilot is measured at its end; all start where the probe began.
      for (const p of result.pilot) {
        add("pilot: " + p.optimizer, [5, 4], color_of(p.optimizer), { step: 0, noise_density: result.noise_density });
      }
      for (const p of result.pilot) add("pilot: " + p.optimizer, [5, 4], color_of(p.optimizer), p);
      for (const m of result.measured) {
        for (const curve of m.curves) for (const p of curve.points) add(m.optimizer, undefined, color_of(m.optimizer), p);
      }
      const all = [...lines.values()];
      const x = sorted_union(all.map((line) => line.at.map((p) => p.x)));
      const series = all.map((line) => ({ ...line, points: true, values: aligned(x, line.at, (p) => p.y) }));
      const largest = Math.max(...series.flatMap((s) => s.values).filter(finite), 0);
      return draw(place, { x, series, x_label: "step", y_label: "noise density φ", y_range: [0, (largest || 1) * 1.08] });
    },
  };

  const places = [...document.querySelectorAll("[data-chart]")];
  let plots = [];
  const redraw = () => {
    for (const plot of plots) plot.destroy();
    // A chart that cannot be drawn leaves its place empty, the others and the tables stay.
    plots = places.flatMap((place) => {
      try {
        return [charts[place.dataset.chart](place)];
      } catch (error) {
        console.error("chart " + place.dataset.chart, error);
        return [];
      }
    });
  };
  redraw();
  // Colors and sizes are read when drawing, so a change of either draws anew.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = document.documentElement.clientWidth;
  addEventListener("resize", () => {
    if (document.documentElement.clientWidth === width) return;
    width = document.documentElement.clientWidth;
    redraw();
  });
})();
