"""Checks of the training: whether it was long enough, and whether it went too far."""

from typing import Final

import numpy as np
import pandas as pd

from study.analysis.checks.check import Finding, absent, check, of_search, passed, raised
from study.analysis.checks.seen import Seen
from study.analysis.search.answers import Analysis
from study.quantities import capital, count, listed

FEWEST: Final = 5
"""Curves without which nothing is said of how they end."""

LAST_PART: Final = 0.25
STILL_RISES: Final = 2.0
"""Points that a middling trial gains in the last part of its schedule."""

OVERFITS: Final = 1.1
"""Loss on val at the end, times its lowest."""

FALLS_OFF: Final = 0.03
"""Share of images that the last epoch gets wrong and the best one got right."""


@check("T101", "tip", "Schedule too short")
@of_search
def _too_short(seen: Seen, analysis: Analysis) -> Finding:
    """Do curves still rise when the schedule ends?"""
    frames = analysis.frames
    planned = frames.trials["epochs_planned"].to_numpy(dtype=float)
    full = frames.rows("full")
    is_free = frames.trials["origin"].isin(["design", "repeat"]).to_numpy(dtype=bool)
    if (full & is_free).any():
        full &= is_free
    longest = planned[full].max(initial=0.0)
    full &= planned == longest
    if longest < 1 / LAST_PART:
        return absent(f"No full-length trial is of {1 / LAST_PART:.0f} epochs or more.")
    gain = frames.trials["value"].to_numpy(dtype=float)[full] - frames.at_fraction(
        1 - LAST_PART, full
    )
    gain = gain[np.isfinite(gain)]
    if len(gain) < FEWEST:
        return absent(f"Fewer than {FEWEST} curves of the longest schedule are whole.")
    middle = float(np.median(gain))
    text = (
        f"in the last quarter of {longest:.0f} epochs a middling trial "
        f"{'gains' if middle >= 0 else 'loses'} {seen.difference(abs(middle))} "
        f"(n = {len(gain):,})"
    )
    if middle > STILL_RISES:
        return raised(f"Training still gains: {text}.")
    return passed(f"{capital(text)}.")


@check("T102", "tip", "Overfitting")
def _overfits(seen: Seen) -> Finding:
    """Does the loss on val rise while that in training falls?"""
    epochs = seen.tables.epochs
    columns = ["val_loss", "train_loss"]
    if epochs.empty or not {*columns} <= {*epochs} or epochs[columns].isna().all(axis=None):
        return absent("The losses of single epochs are not in the table.")
    found, n_told = [], 0
    # of the few that are asked about: a table may hold epochs of 100,000 trials
    own = epochs[epochs["trial_id"].isin(seen.best["trial_id"])]
    by_trial = dict(list(own.groupby("trial_id", sort=False)))
    for row in seen.best.to_dict("records"):
        curve = by_trial.get(row["trial_id"], epochs.iloc[:0])
        curve = curve.sort_values("epoch").dropna(subset=columns)
        if len(curve) < 2:
            continue
        n_told += 1
        val, train = (curve[name].to_numpy(dtype=float) for name in columns)
        low = int(np.argmin(val))
        if val[-1] > OVERFITS * val[low] and train[-1] < train[low]:
            found.append(f"{row['arm']} {val[low]:.2f} to {val[-1]:.2f}")
    if not n_told:
        return absent("No best trial has two epochs with both losses.")
    if found:
        return raised(
            f"While the loss in training fell, that on val rose from its lowest: {listed(found)}."
        )
    return passed(f"In the best trial of {count(n_told, 'arm')} the loss on val stays low.")


@check("T103", "tip", "Ends below its best epoch")
def _falls_off(seen: Seen) -> Finding:
    """Is the last epoch of the best trials as good as their best one?"""
    best = seen.best
    if not seen.is_of_accuracy or "best_val_accuracy" not in best:
        return absent("The best epoch’s accuracy is not in the table.")
    best = best[best["best_val_accuracy"].notna()]
    if best.empty:
        return absent("The best epoch’s accuracy is not in the table.")
    fall = (best["best_val_accuracy"] - best["val_accuracy"]).astype(float)
    worst = pd.Series(fall.to_numpy(), index=best["arm"].to_numpy()).nlargest(1)
    text = f"{worst.iloc[0] * 100:.1f} points below its best epoch (arm {worst.index[0]})"
    if worst.iloc[0] > FALLS_OFF:
        return raised(f"A best trial ends {text}: the last epochs are unstable.")
    return passed(f"No best trial ends more than {text}.")


TRAINING: Final = (_too_short, _overfits, _falls_off)
