// SPDX-License-Identifier: Apache-2.0
// Draws the curves of a report with uPlot. The page holds the same numbers as tables, so nothing depends on this.
(() => {
  "use strict";
  const source = document.getElementById("result");
  if (!source || typeof uPlot === "undefined") return;
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

  const axis = (label, more) => ({
    label, stroke: css("--quiet"), font: "12px " + css("--sans"), labelFont: "12px " + css("--sans"), labelSize: 22,
    grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, ...more,
  });
  const decades = (plot, splits) => splits.map((v) => (v !== null && Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-9 ? v : null));
  const log_axis = () => ({
    filter: decades, values: (plot, splits) => splits.map((v) => (v === null ? "" : String(+v.toPrecision(2)))),
    grid: { stroke: css("--line"), width: 1, filter: decades }, ticks: { stroke: css("--line"), width: 1, filter: decades },
  });

  /** series: [{name, color, values, width?, dash?, points?, label?}], bands: [[upper, lower]] as indices of series. */
  const draw = (place, { x, series, bands = [], x_label, y_label, x_log = false, y_range }) => {
    const options = {
      width: place.clientWidth, height: Math.min(380, Math.max(260, place.clientWidth * 0.55)),
      cursor: { points: { size: 7 } },
      scales: { x: { time: false, ...(x_log ? { distr: 3 } : {}) }, y: y_range ? { range: y_range } : {} },
      axes: [axis(x_label, x_log ? log_axis() : {}), axis(y_label, { size: 58 })],
      series: [{ label: x_label, value: (u, v) => round(v) }].concat(series.map((s) => ({
        label: s.name, stroke: s.color, width: s.width ?? 2, dash: s.dash, spanGaps: true, fill: s.fill,
        points: { show: s.points ?? false, size: s.size ?? 6, stroke: s.color, fill: s.hollow ? css("--paper") : s.color, width: 2 },
        value: (u, v) => round(v),
      }))),
      bands: bands.map(([upper, lower, fill]) => ({ series: [upper, lower], fill })),
    };
    const plot = new uPlot(options, [x, ...series.map((s) => s.values)], place);
    // Bounds of a band are drawn, but not listed.
    series.forEach((s, i) => {
      if (s.unlisted) plot.root.querySelectorAll(".u-legend .u-series")[i + 1].style.display = "none";
    });
    return plot;
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
  // The first seventh of training, where all curves fall alike, does not stretch the axis.
  const loss_range = (x, values) => {
    const from = x[0] + (x[x.length - 1] - x[0]) / 7;
    const shown = values.flatMap((v) => v.filter((_, i) => x[i] >= from)).filter(finite);
    return () => (shown.length ? with_margin(Math.min(...shown), Math.max(...shown)) : [0, 1]);
  };
  // Nor do the worst learning rates: what is above three times the median's distance from the best leaves the chart.
  const valley_range = (values) => {
    const all = values.flat().filter(finite).sort((a, b) => a - b);
    return () => (all.length ? with_margin(all[0], Math.min(all[all.length - 1], all[0] + 3 * (all[all.length >> 1] - all[0]))) : [0, 1]);
  };

  const charts = {
    loss: (place) => {
      const raced = result.measured.filter((m) => m.curves.length);
      const x = sorted_union(raced.map((m) => m.curves.flatMap((c) => c.points.map((p) => p.step))));
      const series = [], bands = [];
      for (const m of raced) {
        const columns = x.map((step) => m.curves
          .map((c) => c.points.find((p) => p.step === step)?.validation_loss).filter(finite));
        const of = (f) => columns.map((values) => (values.length ? f(values) : null));
        const c = color_of(m.optimizer);
        series.push({ name: m.optimizer, color: c, values: of((v) => v.reduce((a, b) => a + b) / v.length) });
        series.push({ name: "high", color: "transparent", width: 0, values: of((v) => Math.max(...v)), unlisted: true });
        series.push({ name: "low", color: "transparent", width: 0, values: of((v) => Math.min(...v)), unlisted: true });
        bands.push([series.length - 1, series.length, c + "28"]);
      }
      return draw(place, { x, series, bands, x_label: "step", y_label: "validation loss",
        y_range: loss_range(x, series.map((s) => s.values)) });
    },
    rates: (place) => {
      const raced = result.measured.filter((m) => m.learning_rates.length);
      const x = sorted_union(raced.map((m) => m.learning_rates.map((r) => r.learning_rate)));
      const series = [];
      for (const m of raced) {
        const points = m.learning_rates.map((r) => {
          const losses = r.final_losses.filter(finite);
          return { x: r.learning_rate, y: losses.length ? losses.reduce((a, b) => a + b) / losses.length : NaN };
        });
        series.push({ name: m.optimizer, color: color_of(m.optimizer), points: true, values: aligned(x, points, (p) => p.y) });
        series.push({ name: "chosen", color: color_of(m.optimizer), points: true, size: 13, hollow: true, unlisted: true, width: 0,
          values: aligned(x, points, (p) => (p.x === m.learning_rate ? p.y : NaN)) });
      }
      return draw(place, { x, series, x_label: "learning rate", y_label: "final validation loss", x_log: true,
        y_range: valley_range(series.map((s) => s.values)) });
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
      return draw(place, { x, series, x_label: "step", y_label: "noise density φ", y_range: (u, low, high) => [0, (high || 1) * 1.08] });
    },
  };

  const places = [...document.querySelectorAll("[data-chart]")];
  let plots = [];
  const redraw = () => {
    for (const plot of plots) plot.destroy();
    plots = places.map((place) => charts[place.dataset.chart](place));
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
