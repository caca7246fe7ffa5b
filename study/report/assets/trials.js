// The table of trials: a page of rows at a time, sorted and filtered as a whole.
const sheet = { order: null, key: "", isUp: true, first: 0 };

// Numbers start with the largest, words with the first.
const startsUp = (column) => Boolean(column.levels);

const rowsInOrder = () => {
  const rows = Array.from({ length: table.n }, (_, row) => row);
  if (sheet.key === "") return rows; // as written: best first
  const { values, levels } = table.byKey.get(sheet.key);
  const sign = sheet.isUp ? 1 : -1;
  const isNone = levels ? (v) => v === ABSENT : Number.isNaN;
  return rows.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (isNone(x) || isNone(y)) return isNone(x) - isNone(y) || a - b;
    return sign * (x - y) || a - b;
  });
};

const cell = (name, text, isNumber) => {
  const made = document.createElement(name);
  if (isNumber) made.className = "number";
  made.append(text);
  return made;
};

const rowElement = (row) => {
  const line = document.createElement("tr");
  table.shown.forEach((column, i) => {
    const text = cellText(column, row);
    if (i > 0) {
      const made = cell("td", text, !column.levels);
      if (column.key === "status") addEnding(made, row);
      line.append(made);
      return;
    }
    const heading = cell("th", text, true);
    heading.scope = "row";
    const copying = cell("button", "copy", false);
    copying.type = "button";
    copying.className = "plain";
    copying.dataset.row = row;
    copying.setAttribute("aria-label", `Copy the configuration of trial ${text}`);
    line.append(heading, cell("td", copying, false));
  });
  return line;
};

const addEnding = (made, row) => {
  if (table.collapsed[row]) {
    const chip = cell("span", "collapsed", false);
    chip.className = "chip open";
    made.append(" ", chip);
  }
  const error = errorOf(row);
  if (error) {
    const why = document.createElement("details");
    why.append(cell("summary", "why", false), error.slice(0, 500));
    made.append(why);
  }
};

const showPage = () => {
  sheet.order ??= rowsInOrder();
  const rows = selected === null ? sheet.order : sheet.order.filter((row) => selected[row]);
  const most = table.pageRows;
  const last = Math.max(0, Math.ceil(rows.length / most) - 1) * most;
  sheet.first = Math.min(Math.max(0, sheet.first), last);
  sheet.last = last;
  const page = rows.slice(sheet.first, sheet.first + most);
  element("trial-table").tBodies[0].replaceChildren(...page.map(rowElement));
  const span = `rows ${whole(sheet.first + 1)} to ${whole(sheet.first + page.length)}`;
  element("page-rows").textContent = page.length ? `${span} of ${whole(rows.length)}` : "no trial";
  for (const button of document.querySelectorAll("[data-turn]")) {
    const isBack = button.dataset.turn === "first" || button.dataset.turn === "back";
    // not `disabled`: a button that one stands on must not lose the focus
    button.setAttribute("aria-disabled", String(sheet.first === (isBack ? 0 : last)));
  }
};

const turn = (where) => {
  const to = { first: 0, back: sheet.first - table.pageRows, on: sheet.first + table.pageRows };
  sheet.first = where === "last" ? sheet.last : to[where];
  showPage();
  element("trial-table").closest(".scroll").scrollTop = 0;
};

const showSorting = () => {
  for (const button of document.querySelectorAll("[data-sort]")) {
    const heading = button.closest("th");
    heading.removeAttribute("aria-sort");
    if (button.dataset.sort !== sheet.key) continue;
    heading.setAttribute("aria-sort", sheet.isUp ? "ascending" : "descending");
  }
};

const sortBy = (key, isUp) => {
  Object.assign(sheet, { key, isUp, order: null, first: 0 });
  showSorting();
  showPage();
};

const clickSort = (key) => {
  const column = table.byKey.get(key);
  sortBy(key, sheet.key === key ? !sheet.isUp : startsUp(column));
};

// A trial's configuration: JSON that Recipe.from_dict takes, or an [[include]] of a study file.
const configurationText = (row, format) => {
  const found = [];
  for (const { column: place, isFixed } of table.configuration) {
    const { key, levels, values } = table.columns[place];
    const value = values[row];
    if (levels ? value === ABSENT : Number.isNaN(value)) continue;
    found.push([key, levels ? levels[value][1] : String(value), isFixed]);
  }
  if (format === "toml") {
    const lines = found.filter(([, , isFixed]) => !isFixed).map(([k, v]) => `${k} = ${v}`);
    return ["[[include]]", ...lines, ""].join("\n");
  }
  const extra = { epochs: table.planned[row], seed: table.seeds[row] };
  for (const [key, value] of Object.entries(extra)) {
    const isKnown = value !== null && !Number.isNaN(value);
    if (isKnown && !found.some(([name]) => name === key)) found.push([key, String(value)]);
  }
  return `{${found.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(", ")}}`;
};

const startTable = () => {
  followers.push(() => {
    sheet.first = 0;
    showPage();
  });
  showPage();
};
