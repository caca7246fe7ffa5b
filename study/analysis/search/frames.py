"""Tables of a study -> what the estimators see; the only reader of table columns in here.

Every trial gets one outcome: `full` (trained to its planned end), `stopped` (by ASHA or an
interruption: a curve without an end), `collapsed` (one class only, diverged, or, in studies with
folds, hardly learned by its end: an outcome of its own that never enters effects in points) or
`lost` (failed for reasons of the machine, or without any usable value). A scout that names one
class at a rate inside the box is lost too: in so few epochs it has not begun to learn.
Accuracies become percentage points, of which more is better; so does any metric that was imported,
see `study.measure`.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis.maths.box import Array, Box, build_box, encode
from study.asked.study import Study
from study.folder.columns import CONFIG_PREFIX
from study.quantities import count

POINTS = 100.0
"""To an accuracy of 1."""

DIVERGENCE_WORDS = r"diverg|\bnan\b|\binf(?:inite|inity)?\b|\bn(?:ot|on)[- ]?finite"
"""A failure whose `error` says one of these is training's own, not the machine's."""

DIVERGED: Final = r"^diverged: "
"""What begins such an `error` of a function, whose other errors are its author's words."""


FEWEST_TRIALS: Final = 10
"""Full-length trials below which nothing is fitted."""

LEAST_SPREAD: Final = 1e-9
"""Points between the best and the worst full-length trial below which nothing varied."""


@dataclass(frozen=True, kw_only=True)
class Frames:
    """A study's trials, ready for estimation; all arrays share their rows.

    Attributes:
        study: What was asked.
        box: The reference box.
        trials: Per trial `trial_id, number, arm, origin, outcome, inside, value (final, points;
            NaN unless full), last (points at the last epoch seen), epochs_planned, epochs_run,
            config_id (equal configurations share it)`.
        x: Box coordinates (n, axes).
        curves: (n, longest) points after each epoch, NaN where none was reported.
        configs: Values of all factors as tried, columns by factor name.
        folds: (n,) fold that each trial was validated on; -1: on the split that all share.
    """

    study: Study
    box: Box
    trials: pd.DataFrame
    x: Array
    curves: Array
    configs: pd.DataFrame
    folds: NDArray[np.int64]

    @property
    def n_folds(self) -> int:
        """Folds that trials were validated on; 0 where they share a split."""
        return int(self.folds.max(initial=-1)) + 1

    def rows(self, outcome: str) -> NDArray[np.bool_]:
        """Trials inside the box with this outcome, range scouts left out."""
        frame = self.trials
        chosen = (frame["outcome"] == outcome) & frame["inside"] & (frame["origin"] != "scout")
        return np.array(chosen, dtype=bool)

    @property
    def untold(self) -> str | None:
        """Why nothing can be told of factors, and the way out; None where something can."""
        full, n_collapsed = self.rows("full"), int(self.rows("collapsed").sum())
        n = int(full.sum())
        few = f"only {count(n, 'full-length trial')} in the study's ranges (at least "
        few += f"{FEWEST_TRIALS} are needed)"
        if n < FEWEST_TRIALS <= n + n_collapsed:
            return f"{few}, {n_collapsed} collapsed: change the ranges in which training fails"
        if n < FEWEST_TRIALS:
            return f"{few}: {self.study.way_to_more}"
        # tolerance: a mean of equal fractions may differ from them in its last digit
        if np.ptp(self.trials["value"].to_numpy(dtype=float)[full]) < LEAST_SPREAD:
            return f"nothing varied: all {count(n, 'full-length trial')} ended alike"
        return None

    def at_fraction(self, fraction: float, rows: NDArray[np.bool_]) -> Array:
        """Points (n,) at a fraction of each trial's own planned length, between epochs linear."""
        position = fraction * self.trials["epochs_planned"].to_numpy(dtype=float)[rows] - 1
        return _interpolate(self.curves[rows], np.clip(position, 0, None))


def _interpolate(curves: Array, position: Array) -> Array:
    """Values of rows at fractional columns."""
    last = curves.shape[1] - 1
    left = np.clip(np.floor(position).astype(int), 0, last)
    right = np.clip(left + 1, 0, last)
    part = np.clip(position - left, 0, 1)
    row = np.arange(len(curves))
    low, high = curves[row, left], curves[row, right]
    return np.asarray(np.where(part < 1e-9, low, low + part * (high - low)))


def tidy(study: Study, trials: pd.DataFrame, epochs: pd.DataFrame) -> Frames:
    """The estimators' view of two tables.

    Args:
        study: The study file.
        trials: As `trials.parquet`; `origin`, `collapsed`, `arm`, `number`, `seed`, `fold`,
            `learned` and `error` may be absent or null.
        epochs: As `epochs.parquet`; may be empty.
    """
    trials = trials.reset_index(drop=True)
    names = [f.name for f in study.factors]
    configs = pd.DataFrame(
        {n: trials[CONFIG_PREFIX + n] for n in names if CONFIG_PREFIX + n in trials}
    )
    planned = _planned(study, trials, configs)
    points = study.measure.per_unit * (-1 if study.measure.is_minimised else 1)
    curves = points * _curves(trials["trial_id"], epochs, study.metric)
    last_seen, at_end = _ends(curves)
    run = _numbers(trials, "epochs_run", last_seen)
    planned = np.where(np.isfinite(planned), planned, run)
    final = points * _numbers(trials, study.metric, np.full(len(trials), np.nan))
    last = np.where(np.isfinite(at_end), at_end, final)

    status = _texts(trials, "status", "completed")
    # what somebody else's curve that stands still says, nobody knows: it may be the best so far
    still = np.zeros(len(trials), bool) if study.is_free else _flat(curves, last_seen)
    collapsed = _collapsed(trials, still)
    if study.folds is not None:
        collapsed |= _idle(trials, is_whole=run >= planned)
    own_fault = (status == "failed") & _texts(trials, "error", "diverged").str.contains(
        DIVERGED if study.trainable else DIVERGENCE_WORDS, case=False, regex=True
    )
    # other tools call a trial complete that was stopped; its early value is no final one
    is_short = (run > 0) & (run < _stated_length(trials, configs))
    is_cut = status.isin(["stopped", "interrupted"]) | ((status == "completed") & is_short)
    outcome = np.select(
        [
            collapsed | own_fault,
            (status == "completed") & np.isfinite(final) & ~is_short,
            is_cut & np.isfinite(last) & (run > 0),
        ],
        ["collapsed", "full", "stopped"],
        "lost",
    )
    box = build_box(study, configs)
    x, inside = encode(box, configs)
    origin = _texts(trials, "origin", "search")
    unripe = (origin == "scout") & collapsed & ~own_fault & ~_beyond(box, x)
    outcome = np.where(unripe, "lost", outcome)
    keys = configs[sorted(configs.columns)].astype("string").fillna("")
    frame = pd.DataFrame(
        {
            "trial_id": trials["trial_id"].astype(str),
            "number": _numbers(trials, "number", np.arange(len(trials), dtype=float)),
            "arm": _arms(study, configs),
            "origin": origin,
            "outcome": outcome,
            "inside": inside,
            "value": np.where(outcome == "full", final, np.nan),
            "last": last,
            "epochs_planned": planned,
            "epochs_run": run,
            "config_id": pd.util.hash_pandas_object(keys, index=False) if len(keys.columns) else 0,
        }
    )
    return Frames(
        study=study,
        box=box,
        trials=frame,
        x=x,
        curves=curves,
        configs=configs,
        folds=_numbers(trials, "fold", np.full(len(trials), -1.0)).astype(np.int64),
    )


def by_metric(frames: Frames, epochs: pd.DataFrame, metric: str) -> Frames | None:
    """The same trials by another metric of our recipe; None where no epoch tells it.

    What came of each stays; one whose last epoch does not tell the metric is lost.

    Args:
        frames: By the study's metric.
        epochs: As `epochs.parquet`.
        metric: A column of theirs.
    """
    curves = POINTS * _curves(frames.trials["trial_id"], epochs, metric)
    if np.isnan(curves).all():
        return None
    last, at_end = _ends(curves)
    is_told = np.isfinite(at_end) & (last >= _ends(frames.curves)[0])
    is_valued = frames.trials["outcome"].isin(["full", "stopped"])
    outcome = frames.trials["outcome"].where(is_told | ~is_valued, "lost")
    value = np.where(outcome == "full", at_end, np.nan)
    trials = frames.trials.assign(outcome=outcome, value=value, last=at_end)
    return replace(frames, trials=trials, curves=curves)


def _ends(curves: Array) -> tuple[Array, Array]:
    """Of each curve the last epoch that it was reported for (0: none), and its value there."""
    is_there = ~np.isnan(curves)
    last = np.where(is_there.any(axis=1), curves.shape[1] - np.argmax(is_there[:, ::-1], 1), 0)
    return last, curves[np.arange(len(curves)), np.clip(last - 1, 0, None)]


def _beyond(box: Box, x: Array) -> NDArray[np.bool_]:
    """Trials (n,) whose learning rate lies above its range."""
    places = [x[:, i] > 1 for i, axis in enumerate(box.axes) if axis.name == "lr"]
    return places[0] if places else np.zeros(len(x), dtype=bool)


def _arms(study: Study, configs: pd.DataFrame) -> pd.Series:
    """Name of each trial's arm, as `factors.arm_name` spells it."""
    arms = pd.Series("", index=configs.index, dtype=object)
    for place, factor in enumerate(study.of_role("arm")):
        level = configs[factor.name].map({v: str(v) for v in factor.levels}).fillna("?")
        arms = arms + ("-" if place else "") + level.astype(str)
    return arms.replace("", "all").astype(str)


def _numbers(frame: pd.DataFrame, name: str, default: Array) -> Array:
    """A column as floats; `default` where it is absent or null."""
    if name not in frame:
        return np.asarray(default, dtype=float)
    column = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(column), default, column)


def _texts(frame: pd.DataFrame, name: str, default: str) -> pd.Series:
    """A column as text; `default` where it is absent or null."""
    if name not in frame:
        return pd.Series(default, index=frame.index, dtype=object)
    return frame[name].astype(object).where(frame[name].notna(), default).astype(str)


def _planned(study: Study, trials: pd.DataFrame, configs: pd.DataFrame) -> Array:
    """Planned epochs: those stated, else the study's longest."""
    stated = _stated_length(trials, configs)
    return np.where(np.isnan(stated), float(study.epochs), stated)


def _stated_length(trials: pd.DataFrame, configs: pd.DataFrame) -> Array:
    """Planned epochs by the table's column, else the factor `epochs`; NaN where neither says."""
    nothing = np.full(len(trials), np.nan)
    return _numbers(trials, "epochs_planned", _numbers(configs, "epochs", nothing))


def _curves(ids: pd.Series, epochs: pd.DataFrame, metric: str) -> Array:
    """(trials, longest) values per epoch; epochs of trials that are not listed are left out."""
    if metric not in epochs or epochs.empty:
        return np.full((len(ids), 1), np.nan)
    row = pd.Index(ids.astype(str)).get_indexer(epochs["trial_id"].astype(str))
    epoch = pd.to_numeric(epochs["epoch"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    value = pd.to_numeric(epochs[metric], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    known = (row >= 0) & np.isfinite(epoch) & (epoch >= 1)
    longest = int(epoch[known].max()) if known.any() else 1
    curves = np.full((len(ids), longest), np.nan)
    curves[row[known], epoch[known].astype(int) - 1] = value[known]
    return curves


def _idle(trials: pd.DataFrame, *, is_whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which trials hardly learned though they ran their planned length; none where unknown."""
    if "learned" not in trials:
        return np.zeros(len(trials), dtype=bool)
    return np.asarray(is_whole & ~trials["learned"].fillna(True).to_numpy(dtype=bool))


def _flat(curves: Array, last_seen: Array) -> NDArray[np.bool_]:
    """Which curves of at least four epochs do not move in their second half.

    A net that predicts one class scores one and the same number in every epoch.
    """
    tail = np.arange(curves.shape[1])[None, :] >= (last_seen // 2)[:, None]
    in_tail = np.where(tail, curves, np.nan)
    some = np.isfinite(in_tail).any(axis=1)
    spread = np.zeros(len(curves))
    spread[some] = np.nanmax(in_tail[some], axis=1) - np.nanmin(in_tail[some], axis=1)
    return np.asarray(some & (last_seen >= 4) & (spread < 1e-9))


def _collapsed(trials: pd.DataFrame, flat: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which trials collapsed: the table's flag, or a curve like a constant's where it is null."""
    if "collapsed" not in trials:
        return np.asarray(flat)
    flag = trials["collapsed"]
    return np.where(flag.isna(), flat, flag.fillna(False).astype(bool)).astype(bool)
