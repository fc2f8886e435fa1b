// Draws every figure[data-chart] with uPlot, which is fetched only here, and fills the table behind it.

const COLOURS = { light: ["#2f6fc4", "#2f9e5b", "#c98a10", "#c6403c", "#7a5cc9", "#5b6675"], dark: ["#7fb2e5", "#6fcf97", "#f2c36b", "#f28b87", "#b39ddb", "#a0abba"] };
let library;

export async function drawAll(within) {
  const figures = [...within.querySelectorAll("[data-chart]:not([data-drawn])")];
  for (const figure of figures) figure.dataset.drawn = "yes";
  await load();
  await Promise.all(figures.map(draw));
}

function load() {
  library ??= new Promise((resolve, reject) => {
    const about = document.querySelector('meta[name="haas-charts"]').dataset;
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: about.css });
    const script = Object.assign(document.createElement("script"), { src: about.js, integrity: about.integrity });
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${about.js} did not load`));
    document.head.append(style, script);
  });
  return library;
}

async function draw(figure) {
  const canvas = figure.querySelector(".chart-canvas");
  const data = await read(figure, canvas);
  if (!data) return;
  if (!(data.labels ?? data.x).length && data.empty) return tell(canvas, data.empty);
  const language = document.documentElement.lang;
  const write = writer(data, language);
  fillTable(figure, data, write, language);
  listMarks(figure, data, language);
  let plot = plotted(figure, canvas, data, write, language);
  const redraw = () => {
    plot.destroy();
    canvas.replaceChildren();
    plot = plotted(figure, canvas, data, write, language);
  };
  document.documentElement.addEventListener("haas:theme", redraw);
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width && width !== plot.width) plot.setSize({ width, height: 240 });
  }).observe(canvas);
}

async function read(figure, canvas) {
  if (figure.dataset.json) return JSON.parse(figure.dataset.json);
  const answer = await fetch(figure.dataset.url, { headers: { Accept: "application/json" } });
  if (answer.ok) return answer.json();
  return tell(canvas, `${answer.status} ${answer.statusText}`);
}

function tell(canvas, textContent) {
  canvas.replaceChildren(Object.assign(document.createElement("p"), { className: "chart-error", textContent }));
  return null;
}

function writer(data, language) {
  const options = data.money && data.currency
    ? { style: "currency", currency: data.currency, currencyDisplay: "narrowSymbol", maximumFractionDigits: 0 }
    : { maximumFractionDigits: data.digits ?? 2 };
  const format = new Intl.NumberFormat(language, options);
  const short = new Intl.NumberFormat(language, { ...options, notation: "compact", maximumFractionDigits: data.tight ? 3 : 1 });
  return { full: (value) => (value == null ? "–" : format.format(value) + unit(data)), short: (value) => short.format(value) + unit(data) };
}

const unit = (data) => (data.unit ? `\u00a0${data.unit}` : "");

function plotted(figure, canvas, data, write, language) {
  const style = getComputedStyle(document.documentElement);
  const theme = document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light";
  const ink = style.getPropertyValue("--ink-soft").trim();
  const line = style.getPropertyValue("--line").trim();
  const colours = [style.getPropertyValue("--brand").trim(), ...COLOURS[theme].slice(1)];
  const bars = data.bars = figure.dataset.chart !== "line";
  const values = data.series.map((each) => each.values.map((value) => (value == null ? null : Number(value))));
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: `12px ${style.getPropertyValue("--tblr-font-sans-serif")}` };
  const x = data.labels ? data.labels.map((_, index) => index) : data.x;
  const options = {
    width: Math.max(canvas.clientWidth, 200),
    height: 240,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false } },
    scales: { x: { time: !data.labels, range: data.labels ? (_, low, high) => [low - 0.6, high + 0.6] : data.from && [data.from, data.to] }, y: { range: (_, low, high) => data.tight ? [low - (high - low || high) * 0.08, high + (high - low || high) * 0.08] : [low < 0 ? low * 1.08 : 0, high > 0 ? high * 1.08 : 1] } },
    axes: [
      { ...axis, size: 28, grid: { show: false }, ...(data.labels && { splits: () => everyFew(x, canvas.clientWidth), values: (_, ticks) => ticks.map((at) => data.labels[at] ?? "") }) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map(write.short) },
    ],
    series: [{}, ...data.series.map((each, index) => seriesLook(each, colourOf(data, index, colours), index, bars))],
  };
  if (!data.labels) options.axes[0].values = timeLabels(language);
  const legend = figure.querySelector(".chart-legend") ?? figure.insertBefore(Object.assign(document.createElement("ul"), { className: "chart-legend" }), figure.querySelector(".chart-table"));
  options.hooks = { setCursor: [(plot) => readOut(plot, legend, data, colours, write, language)], draw: [(plot) => drawMarks(plot, data, style)] };
  const plot = new uPlot(options, [x, ...values], canvas);
  readOut(plot, legend, data, colours, write, language);
  return plot;
}

/* Events are dashed lines; their words are read out under the cursor and stand in the table. */
function drawMarks(plot, data, style) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const mark of data.marks ?? []) {
    const at = plot.valToPos(mark.x, "x", true);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    ctx.strokeStyle = style.getPropertyValue(`--${mark.colour ?? "brand"}`).trim();
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function marksNear(plot, data) {
  if (plot.cursor.left == null || plot.cursor.left < 0) return [];
  return (data.marks ?? []).filter((mark) => Math.abs(plot.valToPos(mark.x, "x") - plot.cursor.left) < 6);
}

/* What lies ahead has the colour of the series before it: as bars paler, as a line dashed. */
const colourOf = (data, index, colours) => (data.series[index].ahead ? colours[(index - 1) % colours.length] + (data.bars ? "59" : "") : colours[index % colours.length]);

function seriesLook(each, colour, index, bars) {
  if (!bars) return { label: each.label, stroke: colour, width: 2, dash: each.ahead && [6, 4], spanGaps: false, fill: index ? undefined : `${colour}18`, points: { show: false } };
  return { label: each.label, stroke: colour, fill: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.62, 48], radius: 0.12 }) };
}

/* Beside the scale of 64 px, 72 px for a word such as "Aug 2026". */
function everyFew(x, width) {
  const step = Math.max(1, Math.ceil(x.length / Math.max(2, Math.floor((width - 64) / 72))));
  return x.filter((at) => at % step === 0);
}

function timeLabels(language) {
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  return (_, ticks, __, ___, step) => ticks.map((at) => (step < 86400 ? time : day).format(at * 1000));
}

/* The last point of the first series: what lies ahead of it belongs to others. */
function newest(data) {
  const known = data.series[0]?.values.findLastIndex((value) => value != null) ?? -1;
  return known < 0 ? (data.x ?? data.labels).length - 1 : known;
}

/* The legend reads the point under the cursor, or the newest. */
function readOut(plot, legend, data, colours, write, language) {
  const at = plot.cursor.idx ?? newest(data);
  const when = data.labels ? data.labels[at] : new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format((data.x[at] ?? 0) * 1000);
  const head = Object.assign(document.createElement("li"), { textContent: when });
  legend.replaceChildren(head, ...data.series.map((each, index) => {
    const item = document.createElement("li");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 10 10");
    svg.setAttribute("aria-hidden", "true");
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [name, value] of [["cx", 5], ["cy", 5], ["r", 5], ["fill", colourOf(data, index, colours)]]) dot.setAttribute(name, value);
    svg.append(dot);
    item.append(svg, `${each.label}: ${write.full(each.values[at])}`);
    return item;
  }), ...marksNear(plot, data).map((mark) => Object.assign(document.createElement("li"), { className: "chart-mark", textContent: mark.label })));
}

function fillTable(figure, data, write, language) {
  const table = figure.querySelector("[data-chart-table]");
  if (!table) return;
  const when = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const head = table.createTHead().insertRow();
  for (const text of ["", ...data.series.map((each) => each.label)]) head.append(cell("th", text, "col"));
  const body = table.createTBody();
  (data.labels ?? data.x).forEach((at, row) => {
    const line = body.insertRow();
    line.append(cell("th", data.labels ? at : when.format(at * 1000), "row"));
    for (const each of data.series) line.append(cell("td", write.full(each.values[row])));
  });
}

/* The events of a chart over time, beneath its table. */
function listMarks(figure, data, language) {
  if (!data.marks?.length || data.labels) return;
  const when = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const list = Object.assign(document.createElement("ul"), { className: "chart-marks" });
  list.append(...data.marks.map((mark) => Object.assign(document.createElement("li"), { textContent: `${when.format(mark.x * 1000)}: ${mark.label}` })));
  figure.querySelector(".chart-table").append(list);
}

function cell(kind, text, scope) {
  const made = Object.assign(document.createElement(kind), { textContent: text });
  if (scope) made.scope = scope;
  if (kind === "td") made.className = "numeric";
  return made;
}
