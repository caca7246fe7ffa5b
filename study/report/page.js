"use strict";
(() => {
  const dark = JSON.parse(document.getElementById("dark").textContent);
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isTouch = window.matchMedia("(pointer: coarse)").matches;
  const plots = [...document.querySelectorAll("[data-figure]")];
  const hiddenArms = new Set();
  let isPrinting = false;

  // Figures are written in light colours; each has a partner for dark.
  const recolour = (value, isDark) => {
    if (typeof value === "string") return (isDark && dark[value]) || value;
    if (Array.isArray(value)) return value.map((inner) => recolour(inner, isDark));
    if (value && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, recolour(inner, isDark)]),
      );
    }
    return value;
  };

  const draw = (plot) => {
    const text = document.getElementById(`${plot.dataset.figure}-json`).textContent;
    const { data, layout } = recolour(JSON.parse(text), prefersDark.matches && !isPrinting);
    for (const trace of data) trace.visible = !(trace.meta && hiddenArms.has(trace.meta.arm));
    // a finger that drags wants to scroll the page, not to zoom
    if (isTouch) layout.dragmode = false;
    // a `$` in a name is no formula
    const config = { displayModeBar: false, responsive: true, typesetMath: false };
    return Plotly.react(plot, data, layout, config).then(() => {
      plot.dataset.drawn = "true";
    });
  };

  const paintMarks = () => {
    const isDark = prefersDark.matches && !isPrinting;
    for (const mark of document.querySelectorAll("[data-colour]")) {
      const colour = recolour(mark.dataset.colour, isDark);
      if (mark.tagName === "path") mark.setAttribute("fill", colour);
      else mark.style.background = colour;
    }
  };

  const redraw = () => {
    paintMarks();
    return Promise.all(plots.map(draw));
  };

  // One figure after another, so that the page can be read and scrolled meanwhile.
  const drawSoon = (left) => {
    if (!left.length) return;
    setTimeout(() => draw(left[0]).then(() => drawSoon(left.slice(1))), 0);
  };

  const say = (text) => {
    document.getElementById("said").textContent = text;
  };

  // Arms: one choice for every figure.
  const toggleArm = (arm) => {
    if (!hiddenArms.delete(arm)) hiddenArms.add(arm);
    for (const button of document.querySelectorAll(".arm")) {
      button.setAttribute("aria-pressed", String(!hiddenArms.has(button.dataset.arm)));
    }
    for (const plot of plots) {
      if (!plot.data) continue;
      const visible = plot.data.map((t) => !(t.meta && hiddenArms.has(t.meta.arm)));
      Plotly.restyle(plot, { visible });
    }
    say(`${arm} ${hiddenArms.has(arm) ? "hidden" : "shown"}`);
  };

  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // some browsers keep the clipboard from files; the old way still works there
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const before = button.textContent;
    button.textContent = "copied";
    say("copied");
    setTimeout(() => (button.textContent = before), 1500);
  };

  const save = (id) => {
    const plot = plots.find((p) => p.dataset.figure === id);
    const { width, height } = plot.getBoundingClientRect();
    Plotly.downloadImage(plot, { format: "svg", filename: id, width, height });
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.arm !== undefined) toggleArm(button.dataset.arm);
    if (button.dataset.copy !== undefined) copy(button.dataset.copy, button);
    if (button.dataset.save !== undefined) save(button.dataset.save);
    if (button.dataset.column !== undefined) sortBy(button);
  });

  // The trial table.
  const table = document.getElementById("trial-table");

  const sortBy = (button) => {
    const heading = button.closest("th");
    const column = heading.cellIndex;
    const isNumber = heading.classList.contains("number");
    // numbers start with the largest, words with the first
    const first = isNumber ? "descending" : "ascending";
    const second = isNumber ? "ascending" : "descending";
    const order = heading.getAttribute("aria-sort") === first ? second : first;
    for (const other of table.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.cells[column].dataset.key;
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const difference = isNumber ? Number(x) - Number(y) : x.localeCompare(y);
      return sign * difference;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  };

  const filter = () => {
    const words = document.getElementById("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const arm = document.getElementById("arm-filter").value;
    const status = document.getElementById("status-filter").value;
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      const isShown =
        (!arm || row.dataset.arm === arm) &&
        (!status || row.dataset.status.split(" ").includes(status)) &&
        words.every((word) => text.includes(word));
      row.hidden = !isShown;
      shown += isShown;
    }
    document.getElementById("shown").textContent = `${shown.toLocaleString("en")} shown`;
  };

  if (table) {
    for (const id of ["find", "arm-filter", "status-filter"]) {
      document.getElementById(id).addEventListener("input", filter);
    }
  }

  prefersDark.addEventListener("change", redraw);
  const print = (starts) => () => {
    isPrinting = starts;
    redraw();
  };
  window.addEventListener("beforeprint", print(true));
  window.addEventListener("afterprint", print(false));
  paintMarks();
  drawSoon(plots);
})();
