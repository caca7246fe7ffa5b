// What the reader has selected: one choice of trials for every figure and the table.
const table = readJson("trials-json");
const chosen = { off: new Set(), ranges: new Map(), status: "", words: "" };
const followers = [];
const ABSENT = -1;

const element = (id) => document.getElementById(id);
const say = (text) => {
  element("said").textContent = text;
};

if (table) {
  for (const column of table.columns) column.values = unpack(column.values);
  for (const part of ["trials", "planned", "collapsed"]) table[part] = unpack(table[part]);
  table.errors.values = unpack(table.errors.values);
  table.n = table.trials.length;
  table.byKey = new Map(table.columns.map((column) => [column.key, column]));
  table.shown = table.columns.filter((column) => column.isShown);
  // a trial's position among all -> its row here
  table.rowOf = new Int32Array(table.total).fill(-1);
  table.trials.forEach((trial, row) => (table.rowOf[trial] = row));
}

const textOf = (column, value) => {
  if (column.levels) return value === ABSENT ? NONE : column.levels[value][0];
  if (Number.isNaN(value)) return NONE;
  if (column.digits !== undefined) {
    return fixed(value * column.scale, column.digits) + column.suffix;
  }
  return column.isWhole ? String(value) : general(value);
};

const cellText = (column, row) => {
  const text = textOf(column, column.values[row]);
  const planned = table.planned[row];
  const isCut = column.key === "epochs_run" && text !== NONE && !Number.isNaN(planned);
  return isCut && column.values[row] !== planned ? `${text} of ${planned}` : text;
};

const errorOf = (row) => {
  const code = table.errors.values[row];
  return code === ABSENT ? "" : table.errors.levels[code][0];
};

// Each row's text in lower case, made when it is first searched.
let rowTexts = null;
const textsOfRows = () => {
  rowTexts ??= Array.from({ length: table.n }, (_, row) =>
    [...table.shown.map((column) => cellText(column, row)), errorOf(row)].join(" ").toLowerCase(),
  );
  return rowTexts;
};

const conditionsNow = () => {
  const tests = [];
  const arm = table.byKey.get("arm");
  if (chosen.off.size) tests.push((row) => !chosen.off.has(arm.levels[arm.values[row]]?.[0]));
  for (const [key, [low, high]] of chosen.ranges) {
    const { values, levels } = table.byKey.get(key);
    // the ends were read off a screen: what is drawn on an end belongs to the range
    const slack = levels ? 0 : 1e-9 * Math.max(Math.abs(low), Math.abs(high));
    const least = levels ? Math.max(low, 0) : low - slack;
    tests.push((row) => values[row] >= least && values[row] <= high + slack);
  }
  if (chosen.status === "collapsed") tests.push((row) => table.collapsed[row] === 1);
  else if (chosen.status) {
    const status = table.byKey.get("status");
    const code = status.levels.findIndex(([text]) => text === chosen.status);
    tests.push((row) => status.values[row] === code);
  }
  const words = chosen.words.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) {
    const texts = textsOfRows();
    tests.push((row) => words.every((word) => texts[row].includes(word)));
  }
  return tests;
};

// For each row of the table whether it is selected; null where nothing is.
let selected = null;
const isSelected = (trial) => selected === null || selected[table.rowOf[trial]] === 1;
const hasRange = () => chosen.ranges.size > 0 || chosen.status !== "" || chosen.words.trim() !== "";

const rangeText = (column, [low, high]) => {
  if (low === -Infinity) return `at most ${textOf(column, high)}`;
  if (high === Infinity) return `at least ${textOf(column, low)}`;
  if (!column.levels) return `${textOf(column, low)} to ${textOf(column, high)}`;
  const texts = column.levels.map(([text]) => text).filter((_, i) => i >= low && i <= high);
  return texts.length ? texts.join(" or ") : "none";
};

const conditionButton = (text, remove) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain condition";
  button.textContent = `${text} ×`;
  button.setAttribute("aria-label", `No longer limit to ${text}`);
  button.addEventListener("click", () => {
    remove();
    select();
    document.querySelector("#limit summary").focus({ preventScroll: true });
  });
  return button;
};

const showConditions = (n) => {
  const isAll = selected === null;
  const isCut = table.n < table.total;
  const of = `${whole(table.n)} trials${isCut ? ` listed, ${whole(table.total)} in all` : ""}`;
  element("shown").textContent = isAll && !isCut ? `Showing all ${of}` : `Showing ${whole(n)} of ${of}`;
  element("clear").hidden = isAll;
  const buttons = [];
  if (chosen.off.size) {
    const names = [...chosen.off].join(", ");
    buttons.push(conditionButton(`without ${names}`, () => chosen.off.clear()));
  }
  for (const [key, range] of chosen.ranges) {
    const column = table.byKey.get(key);
    const text = `${column.label} ${rangeText(column, range)}`;
    buttons.push(conditionButton(text, () => chosen.ranges.delete(key)));
  }
  if (chosen.status) buttons.push(conditionButton(chosen.status, () => (chosen.status = "")));
  if (chosen.words.trim()) {
    buttons.push(conditionButton(`“${chosen.words.trim()}”`, () => (chosen.words = "")));
  }
  element("conditions").replaceChildren(...buttons);
  element("conditions").hidden = !buttons.length;
  for (const button of document.querySelectorAll(".arm")) {
    button.setAttribute("aria-pressed", String(!chosen.off.has(button.dataset.arm)));
  }
  element("status-filter").value = chosen.status;
  if (element("find").value !== chosen.words) element("find").value = chosen.words;
};

// Work out which rows are selected, and tell everything that follows.
const select = () => {
  const tests = conditionsNow();
  let n = table.n;
  selected = null;
  if (tests.length) {
    selected = new Uint8Array(table.n);
    n = 0;
    for (let row = 0; row < table.n; row += 1) {
      if (tests.every((test) => test(row))) {
        selected[row] = 1;
        n += 1;
      }
    }
  }
  showConditions(n);
  for (const follow of followers) follow();
};

const toggleArm = (arm) => {
  if (!chosen.off.delete(arm)) chosen.off.add(arm);
  select();
};

// A range of one column; arms are chosen by name, whichever way one comes to them.
const limitTo = (key, low, high) => {
  const column = table.byKey.get(key);
  if (key === "arm") {
    const names = column.levels.map(([text]) => text);
    chosen.off = new Set(names.filter((_, i) => i < low || i > high));
  } else chosen.ranges.set(key, [low, high]);
  select();
};

const clearAll = () => {
  chosen.off.clear();
  chosen.ranges.clear();
  chosen.status = chosen.words = "";
  select();
};

// The form that selects a range from the keyboard.
const limitForm = document.querySelector("#limit form");

const fitLimitForm = () => {
  const column = table.byKey.get(limitForm.elements.column.value);
  limitForm.querySelector(".numbers").hidden = Boolean(column.levels);
  limitForm.querySelector(".levels").hidden = !column.levels;
  const { low, high, level } = limitForm.elements;
  if (column.levels) {
    level.replaceChildren(...column.levels.map(([text], i) => new Option(text, i)));
    return;
  }
  const numbers = [...column.values].filter((value) => !Number.isNaN(value));
  const scale = column.scale ?? 1;
  const ends = numbers.length
    ? [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))]
    : [0, 0];
  [low.placeholder, high.placeholder] = ends.map((end) => general(end * scale));
  low.value = high.value = "";
  low.setCustomValidity("");
};

const submitLimit = (event) => {
  event.preventDefault();
  const column = table.byKey.get(limitForm.elements.column.value);
  const { low, high, level } = limitForm.elements;
  if (column.levels) {
    limitTo(column.key, Number(level.value), Number(level.value));
    return;
  }
  const scale = column.scale ?? 1;
  const read = (input, otherwise) =>
    input.value.trim() === "" ? otherwise : Number(input.value.replace(",", ".")) / scale;
  const [from, to] = [read(low, -Infinity), read(high, Infinity)];
  low.setCustomValidity(from <= to ? "" : "Give two numbers, the smaller one first.");
  if (low.reportValidity()) limitTo(column.key, from, to);
};

const startSelection = () => {
  const names = table.columns.filter((column) => column.isShown && column.key !== "number");
  limitForm.elements.column.replaceChildren(...names.map((c) => new Option(c.label, c.key)));
  fitLimitForm();
  limitForm.elements.column.addEventListener("input", fitLimitForm);
  limitForm.elements.low.addEventListener("input", () =>
    limitForm.elements.low.setCustomValidity(""),
  );
  limitForm.addEventListener("submit", submitLimit);
  element("clear").addEventListener("click", () => {
    clearAll();
    document.querySelector("#limit summary").focus({ preventScroll: true });
  });
  element("find").addEventListener("input", (event) => {
    chosen.words = event.target.value;
    select();
  });
  element("status-filter").addEventListener("input", (event) => {
    chosen.status = event.target.value;
    select();
  });
  element("selection").hidden = false;
};
