"""Checks of the estimates: what stopping, imputing and fitting did to what is said of factors."""

from collections.abc import Callable
from functools import wraps
from typing import Final

import pandas as pd

from study.analysis.checks.check import Finding, absent, check, of_search, passed, raised
from study.analysis.checks.seen import Seen
from study.analysis.maths.counted import Counted
from study.analysis.search.answers import Analysis
from study.quantities import capital, count, listed

FEWEST: Final = 20
"""Predictions without which nothing is said of how often their intervals hold."""

LEAST_COVERAGE: Final = 0.9
"""Share of 95 % intervals that must hold what they are of, at the least."""

MOST_BIAS: Final = 1.0
SURE: Final = 4.0
"""Points, and standard errors, by which imputed ends may be off on average."""

LEAST_R2: Final = 0.2
"""Share of the variance between trials that the fit must tell for shares to mean much."""

LOST_OFTEN: Final = 0.5
MOST_LOST: Final = 2.0
"""Share of orders of arrival in which an arm's best trial is stopped, and points that are then
lost on average."""


@check("A101", "tip", "Rungs that stop winners")
@of_search
def _stops_winners(seen: Seen, analysis: Analysis) -> Finding:
    """Would stopping early throw away good trials?"""
    stops = analysis.stops[analysis.stops["wrong_share"].notna()].to_dict("records")
    if not stops:
        return absent("No arm has enough design trials to replay its stops.")
    found = []
    for row in stops:
        if row["wrong_low"] > row["blind_share"]:
            found.append(f"{row['wrong_share']:.0%} of the stops of {row['arm']} would be wrong")
        elif row["best_stopped"] > LOST_OFTEN and row["mean_lost"] > MOST_LOST:
            found.append(
                f"the best trial of {row['arm']} would be stopped more often than not, which "
                f"costs {seen.difference(row['mean_lost'])}"
            )
    if found:
        return raised(f"{capital(listed(found))}, had design trials not been spared.")
    return passed(f"Replayed on the design trials of {count(len(stops), 'arm')}, stops are sound.")


@check("A102", "issue", "Imputation off")
@of_search
def _imputes_badly(seen: Seen, analysis: Analysis) -> Finding:
    """Are the ends of stopped trials told rightly?"""
    told = analysis.imputation[analysis.imputation["n_trials"] >= FEWEST].to_dict("records")
    if not told:
        return absent("No trial was stopped, or too few ran on to tell where curves lead.")
    found = []
    for row in told:
        n = int(row["n_trials"])
        where = f"at {row['fraction']:.0%} of the schedule"
        error = row["rmse"] / n**0.5
        if abs(row["bias"]) > max(MOST_BIAS, SURE * error):
            found.append(f"{seen.difference(abs(row['bias']))} off on average {where}")
        elif _covers_too_little(row["coverage"], n):
            found.append(f"{row['coverage']:.0%} of 95 % intervals hold {where}")
    if found:
        return raised(f"Told from curves that were cut, ends are wrong: {listed(found)}.")
    worst = max(told, key=lambda row: abs(row["bias"]))
    bias = seen.difference(abs(worst["bias"]))
    return passed(f"Held-out ends are off by {bias} on average at the worst.")


def _of_fit(look: Callable[[Seen, pd.Series], Finding]) -> Callable[[Seen], Finding]:
    """A look at how well a surface was fitted."""

    @of_search
    @wraps(look)
    def at(seen: Seen, analysis: Analysis) -> Finding:
        fit = analysis.fit.iloc[0]
        if not fit["n_full"] >= FEWEST:  # also where it is null
            return absent(f"No surface was fitted to {FEWEST} full-length trials.")
        return look(seen, fit)

    return at


@check("A103", "issue", "Intervals of the fit miss")
@_of_fit
def _fit_misses(_: Seen, fit: pd.Series) -> Finding:
    """Do the fit’s 95 % intervals hold trials that it has not seen?"""
    text = f"{fit['coverage']:.0%} of 95 % intervals hold the trial that they predict"
    text += f" (n = {int(fit['n_full']):,})"
    if _covers_too_little(fit["coverage"], int(fit["n_full"])):
        return raised(f"Only {text}.")
    return passed(f"{text}.")


@check("A104", "tip", "The fit tells little")
@_of_fit
def _fit_tells_little(_: Seen, fit: pd.Series) -> Finding:
    """Does the recipe tell how well a trial does?"""
    text = f"the fit tells {max(fit['r2'], 0):.0%} of the variance between trials"
    if fit["r2"] < LEAST_R2:
        return raised(f"Left out of it, {text}.")
    return passed(f"Left out of it, {text}.")


@check("A105", "tip", "Luck over effects")
@_of_fit
def _luck(seen: Seen, fit: pd.Series) -> Finding:
    """Does one training differ from the next by more than all factors make?"""
    text = (
        f"one training differs from the next by {seen.difference(fit['noise_sd'])} (sd), all "
        f"factors together make {seen.difference(fit['spread_sd'])}"
    )
    if fit["noise_sd"] > fit["spread_sd"]:
        return raised(f"Luck is larger than effects: {text}.")
    return passed(f"{capital(text)}.")


def _covers_too_little(coverage: float, n: int) -> bool:
    """Whether the coverage is surely below what intervals must have."""
    return Counted(k=round(coverage * n), n=n).interval()[1] < LEAST_COVERAGE


ESTIMATES: Final = (_stops_winners, _imputes_badly, _fit_misses, _fit_tells_little, _luck)
