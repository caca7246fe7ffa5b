"""An experiment of Ray Tune as it lies on disk, read without unpickling anything."""

import csv
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from study.errors import StudyError
from study.imports.directions import Direction, guessed, is_minimised
from study.imports.search import Search, State, Trial

_STEP: Final = "training_iteration"

_STATES: Final[dict[str, State]] = {
    "TERMINATED": "completed",
    "ERROR": "failed",
    "RUNNING": "interrupted",
    "PENDING": "interrupted",
    "PAUSED": "interrupted",
}

_RAY_S_OWN: Final = frozenset(
    (
        *("timestamp", "checkpoint_dir_name", "done", _STEP, "trial_id", "date", "pid"),
        *("time_this_iter_s", "time_total_s", "hostname", "node_ip", "time_since_restore"),
        *("iterations_since_restore", "experiment_tag"),
    )
)


def read_ray(
    folder: Path,
    *,
    metric: str | None = None,
    direction: Direction | None = None,
    step: str | None = None,
) -> Search:
    """An experiment that ended, was interrupted or still runs.

    Trials' folders alone suffice; where the experiment's state is there too, it says which trials
    had begun, how they ended and which of their settings were tuned.

    Args:
        folder: The experiment's folder.
        metric: What the trials reported; None: what the experiment was told to look at.
        direction: Whether less of it is better; None: as its name has it.
        step: What the curve is told over; None: Ray's `training_iteration`.

    Raises:
        StudyError: The folder holds no experiment, or nothing says by what it was judged.
    """
    if not folder.is_dir():
        raise StudyError(f"{folder}: no such folder; give an experiment's, with its trials inside")
    left_out: Counter[str] = Counter()
    told, judged_by = _state(folder, left_out)
    results = {
        home.name: list(_results(home, left_out))
        for home in sorted(path for path in folder.iterdir() if path.is_dir())
        if any((home / name).is_file() for name in ("result.json", "progress.csv", "params.json"))
    }
    if not results and not told:
        raise StudyError(f"{folder}: no trial of Ray Tune lies here; give an experiment's folder")
    metric = metric or judged_by
    if metric is None or not any(metric in row for rows in results.values() for row in rows):
        named = {name for rows in results.values() for row in rows[-1:] for name in row}
        there = ", ".join(sorted(named - _RAY_S_OWN - {"config"})) or "none"
        what = f"no trial reported `{metric}`" if metric else "nothing says what was judged by"
        raise StudyError(f"{folder}: {what}; give --metric, trials reported: {there}")
    trials = [
        _trial(folder / name, results.get(name, []), told.get(name), metric, step or _STEP)
        for name in sorted({*results, *told}, key=lambda name: _order(name, told))
    ]
    return Search(
        source=f"Ray Tune, {folder}",
        metric=metric,
        is_minimised=is_minimised(metric, direction),
        trials=tuple(trials),
        step=step or "iteration",
        left_out=left_out,
        notes=guessed(metric, direction),
    )


def _state(folder: Path, left_out: Counter[str]) -> tuple[dict[str, dict[str, Any]], str | None]:
    """The latest state: each trial by its folder's name, and the metric."""
    files = sorted(folder.glob("experiment_state-*.json"), key=lambda path: path.name)
    for path in reversed(files):
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            trials = [json.loads(one[0]) for one in state["trial_data"]]
            judged_by = state.get("runner_data", {}).get("_metric")
            told = {one["relative_logdir"]: one for one in trials}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a state whose writer was killed; an earlier one may be whole
        if told.pop(None, None):  # one that waits has no folder yet
            left_out["trials that waited and never began"] += len(trials) - len(told)
        return told, judged_by
    return {}, None


def _order(name: str, told: Mapping[str, Mapping[str, Any]]) -> tuple[int, str]:
    place = list(told).index(name) if name in told else len(told)
    return place, name


def _results(home: Path, left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    """What a trial reported, row by row; a last line that was being written is left out."""
    lines, table = home / "result.json", home / "progress.csv"
    if lines.is_file() and lines.stat().st_size:
        for line in lines.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                yield _flat(row)
            else:
                left_out["lines of result.json that are not whole"] += 1
    elif table.is_file():
        with table.open(encoding="utf-8", errors="replace", newline="") as file:
            yield from csv.DictReader(file)


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with names such as `optimizer/lr`; the configuration as it is."""
    found: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping) and value and not (name == "config" and not prefix):
            found |= _flat(value, f"{prefix}{name}/")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _trial(
    home: Path,
    rows: list[dict[str, Any]],
    told: Mapping[str, Any] | None,
    metric: str,
    step: str,
) -> Trial:
    curve, last = [], math.nan
    for number, row in enumerate(rows, 1):
        at, last = _number(row.get(step, number)), _number(row.get(metric))
        if math.isfinite(at) and math.isfinite(last):
            curve.append((at, last))
    has_failed = (home / "error.txt").is_file()
    is_done = bool(rows) and str(rows[-1].get("done")).lower() == "true"
    if told is not None:
        state = _STATES.get(str(told.get("status")), "interrupted")
    else:
        state = "failed" if has_failed else "completed" if is_done else "interrupted"
    error = _last_line(home / "error.txt") if has_failed else ""
    if state == "completed" and rows and not math.isfinite(last):
        state, error = "failed", f"its last {metric} is {last}"
    times = [_number(row.get("timestamp")) for row in rows]
    ended = datetime.fromtimestamp(times[-1], UTC) if times and times[-1] > 0 else None
    return Trial(
        name=str((told or {}).get("trial_id") or home.name),
        state=state,
        params=_settings(home, rows, told),
        # a trial may report an epoch twice after it was restored
        curve=tuple(sorted(dict(curve).items())),
        value=last if state == "completed" and math.isfinite(last) else None,
        error=error,
        ended_at=ended,
    )


def _settings(
    home: Path, rows: list[dict[str, Any]], told: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The configuration: from the experiment's state, the trial's own file, or its results."""
    if told and isinstance(told.get("config"), Mapping):
        return _flat(told["config"])
    path = home / "params.json"
    if path.is_file():
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            config = None
        if isinstance(config, Mapping):
            return _flat(config)
        # its writer was killed; each result has a copy
    config = rows[-1].get("config") if rows else None
    return _flat(config) if isinstance(config, Mapping) else {}


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else ""


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
