"""Checks of the search: its ranges, its arms, its budget, and what its trials can tell apart."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.recipe import BOUNDS
from study.analysis.checks.check import Finding, absent, check, of_search, passed, raised
from study.analysis.checks.seen import Seen
from study.analysis.maths.box import Array, Axis
from study.analysis.maths.counted import Counted
from study.analysis.search.answers import Analysis
from study.analysis.search.frames import POINTS
from study.asked.factors import Range
from study.asked.study import arm_name
from study.folder.provenance import Known
from study.quantities import capital, count, level, listed, some_of

FEWEST: Final = 8
"""Trials of an arm below which nothing is said of it."""

MOST_NAMED: Final = 4

N_BEST: Final = 5
AT_EDGE: Final = 0.05
NEAR_EDGE: Final = 0.1
"""Parts of a range: the best trial lies in the outer one, and so do, in the middle, the N_BEST
best. Five trials drawn at random would do so in 3 of 1,000 cases at each end."""

MOST_COLLAPSED: Final = 0.5
"""Share of an arm's trials that collapse."""

HARDLY: Final = 2.0
"""Points above naming one class that a middling trial must have for its arm to have learned."""

NO_BETTER: Final = 0.5
"""Points above naming one class up to which an arm's winner is no better."""

UNEVEN: Final = 1.5
"""Times as many trials as the arm with fewest."""

MOST_LOST: Final = 0.1
"""Share of trials without any usable value."""

ALIASED: Final = 0.9
"""Largest canonical correlation of two factors below which the data part them."""

FEWEST_TO_PART: Final = 20
"""Trials without which every pair of factors may look alike by chance."""

MOST_TO_PART: Final = 5_000
"""Trials that are looked at, evenly taken, for two factors that move together."""


@check("S101", "tip", "Best value at the edge of its range")
@of_search
def _at_edge(seen: Seen, analysis: Analysis) -> Finding:
    """Do the best trials lie at an end of a range, beyond which better ones may be?"""
    # Of numbers that matter: where one does not, its best trials may lie anywhere.
    frames, importance = analysis.frames, analysis.importance
    matter = set(importance.loc[importance["verdict"] == "matters", "factor"])
    # our recipe's, not those of another program's factor of the same name
    bounds = BOUNDS if not seen.tables.study.is_free else {}
    found, n_told = [], 0
    for arm, rows in _full_by_arm(analysis):
        best = rows.nlargest(N_BEST, "value").index.to_numpy()
        for i, axis in enumerate(frames.box.axes):
            place = frames.x[best, i]
            is_told = axis.is_numeric and axis.name in matter and not np.isnan(place).any()
            if len(rows) < FEWEST or not is_told:
                continue
            n_told += 1
            config = frames.configs.iloc[best[0]].to_dict()
            end = _end(place)
            low, high = bounds.get(axis.factor.name, (-np.inf, np.inf))
            if end and _can_be_widened(axis.factor.range_for(config), end, low=low, high=high):
                found.append(f"{axis.name} {level(float(config[axis.name]))} ({arm}, {end})")
    if not n_told:
        return absent(f"No number is shown to matter in {FEWEST} full-length trials of an arm.")
    if found:
        return raised(f"The best trials lie at an end of what was searched: {_some(found)}.")
    return passed(f"No arm’s best trials lie at an end of {count(n_told, 'range')} that matter.")


def _end(place: Array) -> Literal["lower end", "upper end", ""]:
    """At which end of its range the best trials' numbers (N_BEST,), best first, lie."""
    if place[0] < AT_EDGE and np.median(place) < NEAR_EDGE:
        return "lower end"
    return "upper end" if place[0] > 1 - AT_EDGE and np.median(place) > 1 - NEAR_EDGE else ""


def _can_be_widened(searched: Range | None, end: str, *, low: float, high: float) -> bool:
    """Whether the factor has numbers, of `low` to `high`, beyond this end of its range."""
    if searched is None:
        return False
    return searched.low > low if end == "lower end" else searched.high < high


@check("S102", "issue", "An arm hardly learns")
@of_search
def _hardly_learns(seen: Seen, analysis: Analysis) -> Finding:
    """Does each arm train in most of what was searched?"""
    frames, found, n_told = analysis.frames, [], 0
    is_full, is_idle = frames.rows("full"), frames.rows("collapsed")
    arms = frames.trials["arm"].to_numpy()
    for arm in dict.fromkeys(arms):
        full, idle = is_full & (arms == arm), is_idle & (arms == arm)
        counted = Counted(k=int(idle.sum()), n=int(idle.sum() + full.sum()))
        if counted.n < FEWEST:
            continue
        n_told += 1
        if counted.interval()[0] > MOST_COLLAPSED:
            found.append(f"{counted.k:,} of {counted.n:,} trials of {arm} collapsed")
            continue
        middle = float(np.median(frames.trials["value"].to_numpy(dtype=float)[full]))
        if seen.majority is not None and middle < seen.majority * POINTS + HARDLY:
            found.append(
                f"a middling trial of {arm} scores {middle:.1f} %, naming one class "
                f"{seen.majority:.1%}"
            )
    if not n_told:
        return absent(f"No arm has {FEWEST} trials that ran their length or collapsed.")
    if found:
        return raised(f"{capital(_some(found))}.")
    return passed(f"In {count(n_told, 'arm')}, most trials learn.")


@check("S103", "issue", "Budget spent unevenly between arms")
def _uneven(seen: Seen) -> Finding:
    """Had every arm as many trials as the others?"""
    study, trials = seen.tables.study, seen.tables.trials
    if len(study.arms) < 2:
        return absent("The study has one arm.")
    if seen.tables.known.get("finished") is False:
        return absent("The search is not over.")
    own = trials[trials["origin"].ne("scout").fillna(True).astype(bool)]
    counts = own["arm"].value_counts()
    by_arm = {name: int(counts.get(name, 0)) for name in (arm_name(study, a) for a in study.arms)}
    fewest, most = min(by_arm, key=by_arm.__getitem__), max(by_arm, key=by_arm.__getitem__)
    text = f"from {by_arm[fewest]:,} trials of {fewest} to {by_arm[most]:,} of {most}"
    if by_arm[most] > UNEVEN * by_arm[fewest]:
        return raised(f"Budgets go {text}: the best of more trials flatters more.")
    if by_arm[most] == by_arm[fewest]:
        return passed(f"Each arm had {count(by_arm[most], 'trial')}.")
    return passed(f"Budgets go {text}.")


@check("S104", "tip", "Scouts at the edge")
def _scouts(seen: Seen) -> Finding:
    """Did the scouts find where training begins to fail?"""
    cells = seen.tables.known.tables("scout")
    if not cells:
        return absent("No scouts were sent.")
    idle = [_cell(cell) for cell in cells if cell.get("edge") is None]
    free = [_cell(c) for c in cells if c.get("edge") is not None and not c.get("n_diverged")]
    told = [f"none trained in {some_of(idle)}"] if idle else []
    told += [f"none diverged in {some_of(free)}"] if free else []
    if told:
        return raised(f"Of the scouts {listed(told)}: the edge lies beyond what they tried.")
    return passed(f"Scouts met the edge in {count(len(cells), 'cell')}.")


def _cell(cell: Known) -> str:
    return " ".join(map(str, cell.table("when").values())) or "the only cell"


@check("S105", "issue", "Claims without design trials")
@of_search
def _no_design(seen: Seen, analysis: Analysis) -> Finding:
    """Were trials drawn by design, before any result was seen?"""
    if not seen.tables.study.claims:
        return absent("No claim was declared.")
    n, n_full = int(_by_design(analysis).sum()), int(analysis.frames.rows("full").sum())
    if not n_full:
        return absent("No trial in the ranges ran its planned length.")
    if not n:
        return raised(
            f"None of {count(n_full, 'full-length trial')} was drawn by design: what the search "
            "preferred cannot be told from what is better."
        )
    return passed(f"{n:,} of {count(n_full, 'full-length trial')} were drawn by design.")


@check("S106", "issue", "Factors that cannot be told apart")
@of_search
def _aliased(_: Seen, analysis: Analysis) -> Finding:
    """Do the trials vary each factor apart from the others?"""
    axes, x = analysis.frames.box.axes, analysis.frames.x[analysis.frames.rows("full")]
    x = x[:: -(-len(x) // MOST_TO_PART) or 1]
    pairs = list(combinations(range(len(axes)), 2))
    found = [_correlation(axes[i], axes[j], x[:, [i, j]]) for i, j in pairs]
    told = [(axes[i], axes[j], r) for (i, j), r in zip(pairs, found, strict=True) if r is not None]
    if not told:
        return absent(f"No two factors vary in {FEWEST_TO_PART} full-length trials.")
    alike = [f"{a.name} and {b.name}" for a, b, r in told if r > ALIASED]
    if alike:
        return raised(f"Nearly always changed together: {_some(alike)}.")
    return passed(f"{count(len(told), 'pair')} of factors vary apart.")


def _correlation(a: Axis, b: Axis, x: Array) -> float | None:
    """First canonical correlation of two factors' contrasts; None: too few trials have both.

    Args:
        a: Of the first column.
        b: Of the second one.
        x: Box coordinates (n, 2), NaN where a factor does not exist.
    """
    x = x[~np.isnan(x).any(axis=1)]
    sides = [_contrasts(axis, x[:, k]) for k, axis in enumerate((a, b))]
    if len(x) < FEWEST_TO_PART or any(side.shape[1] == 0 for side in sides):
        return None
    return float(np.linalg.norm(sides[0].T @ sides[1], ord=2))


def _contrasts(axis: Axis, x: Array) -> Array:
    """Orthonormal columns that span what a factor's values (n,) tell of trials, the mean apart."""
    columns = x[:, None] if axis.is_numeric else (x[:, None] == np.unique(x)[None, 1:])
    centred = columns - columns.mean(axis=0, keepdims=True) if len(x) else columns
    q, sizes, _ = np.linalg.svd(centred.astype(float), full_matrices=False)
    return np.asarray(q[:, sizes > 1e-9 * max(len(x), 1)])


@check("S107", "tip", "Many trials lost")
@of_search
def _lost(_: Seen, analysis: Analysis) -> Finding:
    """Did trials fail for reasons of the machine?"""
    own = analysis.frames.trials[analysis.frames.trials["origin"] != "scout"]
    if own.empty:
        return absent("There is no trial.")
    n = int((own["outcome"] == "lost").sum())
    text = f"{n:,} of {count(len(own), 'trial')} failed or gave no usable value"
    return raised(f"{text}.") if n > MOST_LOST * len(own) else passed(f"{text}.")


@check("S108", "issue", "Majority-class winner")
def _of_one_class(seen: Seen) -> Finding:
    """Is the best trial of each arm better than naming one class?"""
    if seen.tables.study.is_free:
        return absent("The metric is of any kind, and need not tell classes.")
    best = seen.best
    if best.empty:
        return absent("No trial has been completed.")
    limit = None if seen.majority is None else seen.majority + NO_BETTER / POINTS
    found = []
    for row in best.to_dict("records"):
        value = float(row[seen.tables.study.metric])
        is_one = row["collapsed"] is not pd.NA and bool(row["collapsed"])
        if is_one or (limit is not None and value < limit):
            found.append(f"{row['arm']} (trial {row['number']}, {value:.3f})")
    if found:
        return raised(f"Even the best trial is no better than naming one class: {_some(found)}.")
    return passed(f"The best trial of {count(len(best), 'arm')} names more than one class.")


@check("S109", "tip", "Few trials at a level")
@of_search
def _thin(_: Seen, analysis: Analysis) -> Finding:
    """Has every level of a factor enough full-length trials?"""
    frame = analysis.importance
    if "n_trials" not in frame or frame["n_trials"].isna().all():
        return absent("Too few trials for any factor to be told of.")
    thin = frame[frame["n_trials"] < FEWEST]
    if len(thin):
        told = [f"{r['factor']} ({int(r['n_trials'])})" for r in thin.to_dict("records")]
        return raised(
            f"Fewer than {FEWEST} full-length trials at a level, or in a third of a range, of "
            f"{_some(told)}."
        )
    return passed(f"Every level and third of a range has {FEWEST} full-length trials or more.")


def _full_by_arm(analysis: Analysis) -> Iterator[tuple[str, pd.DataFrame]]:
    """Full-length trials of the box by arm: rows of `Frames.trials` by their position."""
    frame = analysis.frames.trials[analysis.frames.rows("full")]
    return ((str(arm), rows) for arm, rows in frame.groupby("arm", sort=False))


def _by_design(analysis: Analysis) -> NDArray[np.bool_]:
    """Which trials are full-length ones that no result could stop (n,)."""
    is_free = analysis.frames.trials["origin"].isin(["design", "repeat"]).to_numpy(dtype=bool)
    return np.asarray(analysis.frames.rows("full") & is_free)


def _some(found: list[str]) -> str:
    return some_of(found, MOST_NAMED)


SEARCH: Final = (
    _at_edge,
    _hardly_learns,
    _uneven,
    _scouts,
    _no_design,
    _aliased,
    _lost,
    _of_one_class,
    _thin,
)
