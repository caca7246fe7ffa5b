// Figures: drawn in the reader's colours, following the selection, and brushed to change it.
const dark = readJson("dark");
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
const isTouch = window.matchMedia("(pointer: coarse)").matches;
const plots = [...document.querySelectorAll("[data-figure]")];
const PRINT_WIDTH = 680; // of A4 in pixels, without the margins
let isPrinting = false;

const isDark = () => prefersDark.matches && !isPrinting;

// Figures are written in light colours; each has a partner for dark.
const COLOURLESS = new Set(["x", "y", "text", "customdata", "meta"]);
const recolour = (value) => {
  if (typeof value === "string") return (isDark() && dark[value]) || value;
  if (Array.isArray(value)) return value.map(recolour);
  if (value && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        COLOURLESS.has(key) ? inner : recolour(inner),
      ]),
    );
  }
  return value;
};

// A text stands at the first point of each trial; the others are to have it too.
const repeated = (texts, trials) => {
  let last = null;
  return texts.map((text, i) => {
    if (text !== null || i === 0 || trials[i] !== trials[i - 1]) last = text;
    return last;
  });
};

const read = new Map();
const figureOf = (plot) => {
  const id = plot.dataset.figure;
  if (!read.has(id)) {
    const figure = readJson(`${id}-json`);
    for (const trace of figure.data) {
      if (!trace.meta?.trials) continue;
      trace.meta.trials = unpack(trace.meta.trials);
      for (const axis of ["x", "y"]) trace[axis] = unpack(trace[axis]);
      if (Array.isArray(trace.text)) trace.text = repeated(trace.text, trace.meta.trials);
    }
    read.set(id, figure);
  }
  return read.get(id);
};

// The points of trials that are selected, and holes for the others.
const thinned = (trace) => {
  const trials = trace.meta.trials;
  const isHidden = Array.from(trials, (trial) => trial >= 0 && !isSelected(trial));
  if (!isHidden.includes(true)) return trace;
  const thin = { ...trace };
  for (const axis of ["x", "y"]) {
    if (trace[axis]?.length !== trials.length) continue;
    thin[axis] = Array.from(trace[axis], (value, i) =>
      isHidden[i] || Number.isNaN(value) ? null : value,
    );
  }
  return thin;
};

const followed = (trace) => {
  if (trace.meta?.arm !== undefined && chosen.off.has(trace.meta.arm)) {
    return { ...trace, visible: false };
  }
  return selected !== null && trace.meta?.trials ? thinned(trace) : trace;
};

// Says beside a figure what in it the selection does not reach.
const sayApart = (plot, data) => {
  const note = document.querySelector(`[data-apart="${plot.dataset.figure}"]`);
  const hasTrials = data.some((trace) => trace.meta?.trials);
  const hasArms = data.some((trace) => trace.meta?.arm !== undefined);
  let text = "";
  if (selected !== null && !hasTrials) {
    if (!hasArms) text = "This figure is about all trials; it does not follow the selection.";
    else if (hasRange()) text = "This figure follows the choice of arms only: of these, all trials.";
  }
  note.textContent = text;
  note.hidden = text === "";
};

const axisNames = (layout) => Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));

// What of the selection a figure shows: equal texts, equal drawings.
const stateOf = ({ data, layout }) => {
  const { off, ranges, status, words } = chosen;
  const hasTrials = data.some((trace) => trace.meta?.trials);
  const hasArms = data.some((trace) => trace.meta?.arm !== undefined);
  const all = [[...off].sort(), [...ranges], status, words];
  return JSON.stringify(hasTrials || layout.meta?.brush ? all : hasArms ? all[0] : []);
};

const paint = (plot, figure, isWhole) => {
  const layout = { ...figure.layout };
  layout.shapes = [...(layout.shapes ?? []), ...brushShapes(layout)];
  if (!isWhole) {
    // what is hidden must not move what stays
    for (const [axis, range] of Object.entries(plot.ranges ?? {})) {
      layout[axis] = { ...layout[axis], range, autorange: false };
    }
  }
  layout.uirevision = "kept"; // what the reader zoomed into stays
  // a finger that drags wants to scroll the page, not to zoom
  if (isTouch || layout.meta?.brush) layout.dragmode = false;
  if (isPrinting) {
    layout.width = Math.max(PRINT_WIDTH, parseInt(plot.style.minWidth, 10) || 0);
    plot.style.zoom = PRINT_WIDTH / layout.width;
  } else plot.style.zoom = "";
  // a `$` in a name is no formula
  const config = { displayModeBar: false, responsive: true, typesetMath: false };
  const shown = recolour({ data: isWhole ? figure.data : figure.data.map(followed), layout });
  return Plotly.react(plot, shown.data, shown.layout, config).then(() => {
    if (!isWhole || isPrinting) return;
    const full = plot._fullLayout;
    plot.ranges = Object.fromEntries(axisNames(full).map((axis) => [axis, [...full[axis].range]]));
  });
};

const draw = (plot) => {
  const figure = figureOf(plot);
  plot.dataset.state = stateOf(figure);
  sayApart(plot, figure.data);
  if (selected === null) return paint(plot, figure, true);
  const known = plot.ranges ? Promise.resolve() : paint(plot, figure, true);
  return known.then(() => paint(plot, figure, false));
};

const paintMarks = () => {
  for (const mark of document.querySelectorAll("[data-colour]")) {
    const colour = recolour(mark.dataset.colour);
    if (mark.tagName === "path") mark.setAttribute("fill", colour);
    else mark.style.background = colour;
  }
};

// What is folded has no width to be drawn in; it is drawn when it is opened.
const isFolded = (plot) => plot.closest("details:not([open])") !== null;

// One figure after another, those in view first, so that the page can be read meanwhile. A newer
// selection ends the round of an older one.
let round = 0;
const settled = (isSo) => {
  document.body.dataset.settled = String(isSo); // for tests, and for who scripts this page
};

const drawSoon = () => {
  round += 1;
  const version = round;
  settled(false);
  const distance = (plot) => {
    const { top, bottom } = plot.getBoundingClientRect();
    return Math.max(top - window.innerHeight, -bottom, 0);
  };
  const left = plots.filter((plot) => !isFolded(plot)).sort((a, b) => distance(a) - distance(b));
  const next = () => {
    if (version !== round) return;
    const plot = left.shift();
    if (plot === undefined) settled(true);
    else if (plot.dataset.state === stateOf(figureOf(plot))) {
      sayApart(plot, figureOf(plot).data);
      next();
    } else draw(plot).then(() => setTimeout(next, 0));
  };
  setTimeout(next, 0);
};

const redrawAll = () => {
  paintMarks();
  round += 1;
  for (const plot of plots) if (isFolded(plot)) delete plot.dataset.state;
  Promise.all(plots.filter((plot) => !isFolded(plot)).map(draw)).then(() => settled(true));
};

// A saved figure stands alone: with its question, and the arms' names that the page has above.
const save = (id) => {
  const plot = plots.find((p) => p.dataset.figure === id);
  const { width, height } = plot.getBoundingClientRect();
  const named = new Set();
  const data = plot.data.map((trace) => {
    const arm = trace.meta?.arm;
    const isFirst = arm !== undefined && trace.visible !== false && !named.has(arm);
    if (isFirst) named.add(arm);
    return { ...trace, showlegend: isFirst, legendgroup: arm };
  });
  const layout = {
    ...plot.layout,
    showlegend: named.size > 1,
    legend: { orientation: "h", y: -0.18, yanchor: "top" },
    title: { text: element(`${id}-title`).textContent, x: 0, xref: "paper", font: { size: 15 } },
    margin: { ...plot.layout.margin, t: (plot.layout.margin?.t ?? 16) + 34 },
    paper_bgcolor: recolour("#ffffff"),
  };
  Plotly.downloadImage({ data, layout, config: { typesetMath: false } }, {
    format: "svg", filename: id, width: Math.max(width, 640), height: height + 90,
  });
};

const unfolded = (details) => {
  const inside = details.open ? plots.filter((plot) => details.contains(plot)) : [];
  if (!inside.length || isPrinting) return;
  // the window may have changed while they had no width
  for (const plot of inside) if (plot.dataset.state) Plotly.Plots.resize(plot);
  drawSoon();
};

const startFigures = () => {
  paintMarks();
  for (const plot of plots) {
    const { layout } = figureOf(plot);
    if (layout.meta?.brush && table) makeBrushable(plot);
  }
  followers.push(drawSoon);
  drawSoon();
  prefersDark.addEventListener("change", redrawAll);
  document.addEventListener("toggle", (event) => unfolded(event.target), true);
  const print = (starts) => () => {
    isPrinting = starts;
    (starts ? openAll : closeAgain)();
    redrawAll();
  };
  window.addEventListener("beforeprint", print(true));
  window.addEventListener("afterprint", print(false));
};
