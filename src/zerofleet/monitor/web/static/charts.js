// Curves over the loops of a run, drawn by uPlot; error bars are 95 % intervals.
import { axisNumber, make, number } from "./format.js";

const HEIGHT = 220;
const MOST_WHISKERS = 80;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function whiskers(plot, series, at) {
  const { ctx } = plot;
  const xs = plot.data[0], values = plot.data[at], { low, high } = series;
  const points = [];
  for (let i = 0; i < xs.length; i++) {
    if (values[i] == null || low[i] == null || high[i] == null) continue;
    const x = plot.valToPos(xs[i], "x", true);
    points.push([x, plot.valToPos(low[i], "y", true), plot.valToPos(high[i], "y", true)]);
  }
  ctx.save();
  ctx.beginPath();
  ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  ctx.clip();
  ctx.strokeStyle = ctx.fillStyle = colour(series.colour);
  if (points.length <= MOST_WHISKERS) {
    const cap = 3 * devicePixelRatio;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (const [x, bottom, top] of points) {
      ctx.moveTo(x, bottom); ctx.lineTo(x, top);
      ctx.moveTo(x - cap, top); ctx.lineTo(x + cap, top);
      ctx.moveTo(x - cap, bottom); ctx.lineTo(x + cap, bottom);
    }
    ctx.stroke();
  } else {
    ctx.globalAlpha = 0.2;
    ctx.beginPath();
    for (const [x, , top] of points) ctx.lineTo(x, top);
    for (const [x, bottom] of points.reverse()) ctx.lineTo(x, bottom);
    ctx.fill();
  }
  ctx.restore();
}

// Fixed opponents stand beside the chart: in it, curves of many versions would run over the names.
const NAME_FONT = "11px system-ui, sans-serif";
const NAME_HEIGHT = 13;

function shownName(name) {
  return name.length > 14 ? `${name.slice(0, 13)}…` : name;
}

function roomForNames(lines) {
  if (!lines?.length) return null;
  const ctx = document.createElement("canvas").getContext("2d");
  ctx.font = NAME_FONT;
  return 8 + Math.ceil(Math.max(...lines.map(([name]) => ctx.measureText(shownName(name)).width)));
}

function references(plot, lines) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("--quiet");
  ctx.font = NAME_FONT.replace("11", String(11 * devicePixelRatio));
  ctx.textBaseline = "middle";
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.textAlign = "left";
  let last = Infinity;
  for (const [name, value] of [...lines].sort((a, b) => a[1] - b[1])) {
    const y = Math.round(plot.valToPos(value, "y", true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    last = Math.min(y, last - NAME_HEIGHT * devicePixelRatio);
    ctx.fillText(shownName(name), bbox.left + bbox.width + 5 * devicePixelRatio, last);
  }
  ctx.restore();
}

function bounds(chart) {
  let low = Infinity, high = -Infinity;
  const see = (v) => { if (v != null && Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); } };
  for (const series of chart.series) {
    series.values.forEach(see);
    series.low?.forEach(see);
    series.high?.forEach(see);
  }
  chart.lines?.forEach(([, value]) => see(value));
  if (!Number.isFinite(low)) return [0, 1];
  // One point alone stands in the middle of some room, its error bar not as high as the chart.
  const share = chart.x.length === 1 ? 0.5 : 0.06;
  const pad = share * (high - low || Math.abs(high) || 1);
  if (chart.zero) return [Math.min(0, low), chart.most ?? high + pad];
  return [low - pad, chart.most ?? high + pad];
}

// Marks of the axis only where there are loops: a single one has room on both sides.
function thereOnly(plot, marks) {
  const xs = plot.data[0];
  return marks.map((mark) => (mark < xs[0] || mark > xs[xs.length - 1] ? null : mark));
}

export class Chart {
  constructor(parent, title, explanation) {
    this.plotElement = make("div", { class: "plot" });
    this.element = make("div", { class: "card chart" }, make("h2", {}, title));
    if (explanation) this.element.append(make("p", {}, explanation));
    this.element.append(this.plotElement);
    parent.append(this.element);
    this.shape = "";
    new ResizeObserver(() => this.resize()).observe(this.plotElement);
  }

  resize() {
    const width = this.plotElement.clientWidth;
    if (this.plot && width && Math.abs(width - this.plot.width) > 1) this.plot.setSize({ width, height: HEIGHT });
  }

  // chart: {x, series: [{label, values, colour, low, high, dash}], lines, format, zero, most, xLabel}
  update(chart) {
    this.chart = chart;
    const series = chart.series.filter((s) => s.values.some((v) => v != null));
    this.element.hidden = chart.absent === true;
    if (!series.length) {
      this.destroy();
      this.plotElement.replaceChildren(make("div", { class: "none" }, chart.none ?? "Nothing yet."));
      return;
    }
    this.chart = { ...chart, series };
    const data = [chart.x, ...series.map((s) => s.values)];
    const names = chart.lines?.map(([name]) => name);
    const shape = JSON.stringify([series.map((s) => [s.label, s.colour, !!s.low]), chart.xLabel, names]);
    if (this.plot && shape === this.shape) {
      const { min, max } = this.plot.scales.x, old = this.plot.data[0];
      const zoomed = min > old[0] || max < old[old.length - 1];
      this.plot.setData(data, !zoomed);
      if (zoomed) this.plot.redraw();
    } else {
      this.destroy();
      this.shape = shape;
      this.draw(data);
    }
    this.showLast();
  }

  draw(data) {
    this.plotElement.replaceChildren();
    const format = this.chart.format ?? number;
    const axis = { stroke: () => colour("--quiet"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    this.plot = new uPlot({
      width: Math.max(200, this.plotElement.clientWidth),
      height: HEIGHT,
      padding: [null, roomForNames(this.chart.lines), null, null],
      cursor: { points: { size: 6 }, y: false },
      scales: {
        x: { time: false, range: (u, min, max) => (u.data[0].length === 1 ? [u.data[0][0] - 1, u.data[0][0] + 1] : [min, max]) },
        y: { range: () => bounds(this.chart) },
      },
      axes: [
        { ...axis, size: 30, filter: thereOnly, grid: { ...axis.grid, filter: thereOnly }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5] },
        { ...axis, size: 52, values: (u, ticks) => ticks.map((t) => (this.chart.format ? format(t) : axisNumber(t))) },
      ],
      series: [
        { label: this.chart.xLabel ?? "Loop", value: (u, v) => (v == null ? "" : String(v)) },
        ...this.chart.series.map((s) => ({
          label: s.label,
          stroke: () => colour(s.colour),
          width: 1.8,
          dash: s.dash,
          show: s.hidden !== true,
          spanGaps: true,
          points: { show: data[0].length <= 40, size: 5 },
          value: (u, v, at, i) => (v == null ? "–" : s.low && i != null && s.high[i] != null
            ? `${format(v)} (${format(s.low[i])} to ${format(s.high[i])})` : format(v)),
        })),
      ],
      legend: { live: true },
      hooks: {
        drawSeries: [(u, at) => { const s = this.chart.series[at - 1]; if (s?.low) whiskers(u, s, at); }],
        drawAxes: [(u) => { if (this.chart.lines?.length) references(u, this.chart.lines); }],
        setCursor: [(u) => { if (u.cursor.idx == null) this.showLast(); }],
      },
    }, data, this.plotElement);
  }

  // Without a pointer the legend shows the newest loop.
  showLast() {
    if (this.plot && this.plot.cursor.idx == null) this.plot.setLegend({ idx: this.plot.data[0].length - 1 });
  }

  destroy() {
    this.plot?.destroy();
    this.plot = null;
    this.shape = "";
  }

  redraw() {
    this.plot?.redraw(false, true);
  }
}
