// What the reader clicks, and a page that looks for news while the study runs.
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

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { arm, copy: text, save: figure, sort, turn: where, row } = button.dataset;
  if (arm !== undefined && table) toggleArm(arm);
  if (text !== undefined) copy(text, button);
  if (figure !== undefined) save(figure);
  if (sort !== undefined) clickSort(sort);
  if (where !== undefined) turn(where);
  if (row !== undefined) copy(configurationText(Number(row), element("copy-as").value), button);
});

// While a study runs its report is written again and again, and this page reads it again. What
// was selected, sorted and scrolled to comes back. A copy that was sent to someone stays as it is:
// it is old.
const EVERY = 60_000;
const OLDEST = 3_600_000;
const memory = `report of ${location.pathname}`;

const remember = () => {
  const { off, ranges, status, words } = chosen;
  const state = { off: [...off], ranges: [...ranges], status, words, scroll: window.scrollY };
  state.open = openParts();
  Object.assign(state, { key: sheet.key, isUp: sheet.isUp, isPaused: isPaused() });
  try {
    sessionStorage.setItem(memory, JSON.stringify(state));
  } catch {
    // storage is off: the page comes back as new
  }
};

const recall = () => {
  try {
    const text = sessionStorage.getItem(memory);
    sessionStorage.removeItem(memory);
    return text && JSON.parse(text);
  } catch {
    return null;
  }
};

const bringBack = (state) => {
  if (table) {
    const arms = new Set(table.byKey.get("arm").levels.map(([text]) => text));
    chosen.off = new Set(state.off.filter((arm) => arms.has(arm)));
    // JSON has no infinity: null stands for an open end
    const open = ([low, high]) => [low ?? -Infinity, high ?? Infinity];
    chosen.ranges = new Map(
      state.ranges.filter(([key]) => table.byKey.has(key)).map(([key, ends]) => [key, open(ends)]),
    );
    [chosen.status, chosen.words] = [state.status, state.words];
    if (table.byKey.has(state.key)) sortBy(state.key, state.isUp);
    select();
  }
  for (const place of state.open) if (parts[place]) parts[place].open = true;
  window.scrollTo({ top: state.scroll, behavior: "instant" });
};

const isPaused = () => element("pause")?.getAttribute("aria-pressed") === "true";

const startLive = () => {
  const written = Date.parse(document.documentElement.dataset.live);
  if (!(Date.now() - written < OLDEST)) return;
  element("live").hidden = false;
  element("pause").addEventListener("click", () => {
    element("pause").setAttribute("aria-pressed", String(!isPaused()));
  });
  setInterval(() => {
    const isBusy = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName);
    if (isBusy || isPaused() || document.hidden) return;
    remember();
    location.reload();
  }, EVERY);
};

if (table) {
  startSelection();
  startTable();
  showConditions(table.n);
}
startFigures();
startParts();
const before = recall();
if (before) bringBack(before);
if (document.documentElement.dataset.live) startLive();
