// Ranges that are brushed in a figure: from positions on its axes to values of a column, and back.
const place = (brush, value) => {
  const [[p0, v0], [p1, v1]] = [brush.low, brush.high];
  if (v1 === v0) return p0;
  const scale = brush.log ? Math.log : Number;
  const share = (scale(value) - scale(v0)) / (scale(v1) - scale(v0));
  return p0 + share * (p1 - p0);
};

const valueAt = (brush, position) => {
  const [[p0, v0], [p1, v1]] = [brush.low, brush.high];
  if (p1 === p0) return v0;
  const share = (position - p0) / (p1 - p0);
  if (brush.log) return Math.exp(Math.log(v0) + share * (Math.log(v1) - Math.log(v0)));
  return v0 + share * (v1 - v0);
};

const WIDTH_OF_BRUSH = 0.09;

const brushShape = (brush, from, to, isLogAxis) => {
  const ends = isLogAxis ? [10 ** from, 10 ** to] : [from, to];
  const across = brush.at === null ? null : [brush.at - WIDTH_OF_BRUSH, brush.at + WIDTH_OF_BRUSH];
  const [along, other] = brush.along === "x" ? ["x", "y"] : ["y", "x"];
  return {
    type: "rect",
    layer: "below",
    line: { width: 1.5, color: "#1c2127", dash: "dot" },
    fillcolor: "#8a929b",
    opacity: 0.28,
    [`${along}ref`]: along,
    [`${along}0`]: ends[0],
    [`${along}1`]: ends[1],
    [`${other}ref`]: across ? other : `${other} domain`,
    [`${other}0`]: across ? across[0] : 0,
    [`${other}1`]: across ? across[1] : 1,
  };
};

// The ranges that are selected now, as bands in a figure where they could be brushed.
const brushShapes = (layout) =>
  (layout.meta?.brush ?? [])
    .filter((brush) => chosen.ranges.has(brush.column))
    .map((brush) => {
      const [low, high] = chosen.ranges.get(brush.column);
      const pad = table.byKey.get(brush.column).levels ? 0.04 : 0;
      const axis = layout[`${brush.along}axis`];
      const limit = (position) => Math.min(Math.max(position, brush.low[0]), brush.high[0]);
      const ends = [low, high].map((value, i) => {
        const isOpen = !Number.isFinite(value) || (brush.log && value <= 0);
        return isOpen ? brush[i ? "high" : "low"][0] : limit(place(brush, value));
      });
      return brushShape(brush, ends[0] - pad, ends[1] + pad, axis?.type === "log");
    });

// Brushing with a mouse or a pen.
const brushUnder = (plot, event) => {
  const { xaxis, yaxis, meta } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  const px = { x: event.clientX - box.left - xaxis._offset, y: event.clientY - box.top - yaxis._offset };
  const isInside = px.x >= 0 && px.x <= xaxis._length && px.y >= 0 && px.y <= yaxis._length;
  if (!isInside) return null;
  const at = { x: xaxis.p2l(px.x), y: yaxis.p2l(px.y) };
  const across = (brush) => Math.abs(at[brush.along === "x" ? "y" : "x"] - brush.at);
  const near = meta.brush.filter((brush) => brush.at === null || across(brush) < 0.5);
  near.sort((a, b) => (a.at === null ? 1 : across(a)) - (b.at === null ? 1 : across(b)));
  return near.length ? { brush: near[0], position: at[near[0].along] } : null;
};

const positionOf = (plot, brush, event) => {
  const axis = plot._fullLayout[`${brush.along}axis`];
  const box = plot.getBoundingClientRect();
  const px =
    brush.along === "x"
      ? event.clientX - box.left - axis._offset
      : event.clientY - box.top - axis._offset;
  return axis.p2l(Math.min(Math.max(px, 0), axis._length));
};

const finishBrush = (brush, from, to) => {
  const column = table.byKey.get(brush.column);
  const [low, high] = [Math.min(from, to), Math.max(from, to)].map((p) => valueAt(brush, p));
  if (!column.levels) {
    limitTo(brush.column, low, high);
    return;
  }
  // lines through one level are spread a little: a level counts if its spread is touched
  const unit = Math.abs(place(brush, 1) - place(brush, 0)) || 1;
  const slack = 0.022 / unit;
  limitTo(brush.column, Math.ceil(low - slack), Math.floor(high + slack));
};

const makeBrushable = (plot) => {
  plot.classList.add("brushable");
  let start = null;
  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch" || !plot._fullLayout) return;
    start = brushUnder(plot, event);
    if (!start) return;
    start.px = [event.clientX, event.clientY];
    plot.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  plot.addEventListener("pointermove", (event) => {
    if (!start) return;
    start.end = positionOf(plot, start.brush, event);
    showRubber(plot, start);
  });
  const finish = (event) => {
    if (!start) return;
    const { brush, position, px } = start;
    const moved = Math.hypot(event.clientX - px[0], event.clientY - px[1]);
    const end = positionOf(plot, brush, event);
    start = null;
    plot.querySelector(".rubber")?.remove();
    if (event.type === "pointercancel") return;
    if (moved >= 4) finishBrush(brush, position, end);
    else if (chosen.ranges.delete(brush.column)) select(); // a click ends a range
  };
  plot.addEventListener("pointerup", finish);
  plot.addEventListener("pointercancel", finish);
};

const showRubber = (plot, { brush, position, end }) => {
  const { xaxis, yaxis } = plot._fullLayout;
  const rubber = plot.querySelector(".rubber") ?? document.createElement("div");
  rubber.className = "rubber";
  const [axis, other] = brush.along === "x" ? [xaxis, yaxis] : [yaxis, xaxis];
  const span = [position, end].map((p) => axis._offset + axis.l2p(p)).sort((a, b) => a - b);
  const wide =
    brush.at === null
      ? [other._offset, other._offset + other._length]
      : [brush.at - WIDTH_OF_BRUSH, brush.at + WIDTH_OF_BRUSH].map(
          (p) => other._offset + other.l2p(p),
        );
  const [x, y] = brush.along === "x" ? [span, wide] : [wide, span];
  Object.assign(rubber.style, {
    left: `${x[0]}px`, width: `${x[1] - x[0]}px`, top: `${y[0]}px`, height: `${y[1] - y[0]}px`,
  });
  plot.append(rubber);
};
