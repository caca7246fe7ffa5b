"""Shares of the variance over the box, per factor and per pair, with verdicts.

A share is a part of the variance of the expected final accuracy over the reference box, noise not
counted. Main shares and pair shares together are 1 in every draw; the medians that are printed
add up to about 1. An interval that starts at 0 means that the data do not exclude a share of
nothing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from study.analysis.maths.basis import Term
from study.analysis.maths.box import Array
from study.analysis.maths.effects import Surface
from study.analysis.maths.evidence import unpenalised
from study.analysis.maths.support import FEWEST, Support
from study.measure import ACCURACY, Measure
from study.quantities import count


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a verdict is given.

    Attributes:
        level: Of the intervals.
        alpha: Wald level at which a main effect matters.
        idle_sd: A main effect or pair of smaller sd, in points, is negligible.
        negligible: Posterior probability of that at which it is called so.
        pair: Posterior probability of the contrary at which a pair matters.
        pair_trials: Full-length trials without which no pair is claimed.
        measure: The metric, for reasons.
    """

    level: float = 0.95
    alpha: float = 0.03
    idle_sd: float = 0.25
    negligible: float = 0.9
    pair: float = 0.95
    pair_trials: int = 60
    measure: Measure = ACCURACY

    @property
    def idle(self) -> str:
        """The smallest effect that counts, in words."""
        return self.measure.threshold(self.idle_sd)

    def interval(self, draws: Array) -> tuple[float, float]:
        """Equal-tailed interval of draws."""
        tail = (1 - self.level) / 2
        low, high = np.quantile(draws, [tail, 1 - tail])
        return float(low), float(high)


def wald(surface: Surface, term: Term) -> float:
    """P value of no effect of a term: F test of its unpenalised estimate.

    Only columns of degree 1 and 2 are tested: higher degrees are nearly all prior, and testing
    them costs power. Assumes normal noise about a surface of mains and pairs.
    """
    columns = tested_columns(surface, term)
    estimate, covariance = unpenalised(surface.fitted, columns)
    k = len(columns)
    statistic = float(estimate @ np.linalg.pinv(covariance, hermitian=True) @ estimate) / k
    return float(stats.f.sf(statistic, k, surface.freedom))


def tested_columns(surface: Surface, term: Term) -> NDArray[np.int64]:
    """A term's columns that its test looks at."""
    columns = np.arange(term.columns.start, term.columns.stop)
    decay = surface.basis.decay[columns]
    return np.asarray(columns[decay >= np.unique(decay)[::-1][:2].min()])


def _middle(draws: Array) -> float:
    """Point estimate of a share: the median, which has the least absolute error."""
    return float(np.median(draws))


def probably_idle(surface: Surface, term: Term, idle_sd: float) -> float:
    """Probability under a flat prior that a term's sd over the box is below `idle_sd` points.

    The learned prior holds most pairs for nothing before it sees them, so its posterior calls
    a pair idle for want of data; a flat prior can only do so on data. The variance is
    a sum of squares of correlated normals, approximated by two moments (Satterthwaite 1946).
    """
    columns = np.arange(term.columns.start, term.columns.stop)
    scale, freedom = _flat_variance(surface, columns)
    return float(special.chdtr(freedom, idle_sd**2 / term.share / scale))


def _flat_variance(surface: Surface, columns: NDArray[np.int64]) -> tuple[float, float]:
    """Scale and freedom of the chi-squared that the sum of squared weights has, flat prior."""
    estimate, covariance = unpenalised(surface.fitted, columns)
    mean = float(estimate @ estimate + np.trace(covariance))
    variance = float(2 * (covariance**2).sum() + 4 * estimate @ covariance @ estimate)
    return variance / (2 * mean), 2 * mean**2 / variance


def _unsupported_high(surface: Surface, term: Term, rest: Array, rules: Rules) -> float:
    """Upper end of a main share that the learned prior has no right to narrow.

    Where a level or a third was hardly tried to the end, what the others suggest about its
    scale is no evidence: the largest variance under a flat prior (degrees 1 and 2) stands
    against the smallest of the supported rest.
    """
    scale, freedom = _flat_variance(surface, tested_columns(surface, term))
    largest = term.share * float(stats.chi2.ppf((1 + rules.level) / 2, freedom)) * scale
    return largest / (largest + rules.interval(rest)[0])


def importance(
    surface: Surface, support: Support, rules: Rules, *, pairs: pd.DataFrame
) -> pd.DataFrame:
    """Main and total share of every varied factor; `pairs` as `interactions` returns.

    Returns:
        Columns `factor, share, low, high, verdict` (of the main effect), `total_share, total_low,
        total_high` (with every pair that the factor is in), `sd, sd_low, sd_high` (main effect in
        points), `p_value, n_trials` (of the least supported level or third), `reason`.
    """
    basis = surface.basis
    pieces = {term.axes: surface.variance(term) for term in basis.terms}
    total = sum(pieces.values(), start=np.zeros(len(surface.weights))) + 1e-12
    claimed = pairs.loc[pairs["verdict"] == "matters", ["factor_a", "factor_b"]]
    both = [(str(a), str(b)) for a, b in claimed.itertuples(index=False)]
    is_supported = np.array([support.fewest(i) >= FEWEST for i in range(len(basis.box.axes))])
    records = []
    for i, axis in enumerate(basis.box.axes):
        main = pieces[(i,)]
        involved = sum((v for axes, v in pieces.items() if i in axes), start=np.zeros(1))
        p_value, n = wald(surface, basis.mains[i]), support.fewest(i)
        idle = float((main < rules.idle_sd**2).mean())
        partners = [b if a == axis.name else a for a, b in both if axis.name in (a, b)]
        verdict, reason = _judge(rules, support, i, p_value, idle, partners)
        low, high = rules.interval(main / total)
        total_low, total_high = rules.interval(involved / total)
        if n < FEWEST:
            known = (v for axes, v in pieces.items() if is_supported[list(axes)].all())
            rest = sum(known, start=np.zeros(len(surface.weights)))
            high = max(high, _unsupported_high(surface, basis.mains[i], rest, rules))
            total_high = max(total_high, high)
        sd_low, sd_high = rules.interval(np.sqrt(main))
        found = n >= FEWEST and p_value < rules.alpha
        records.append(
            {
                "factor": axis.name,
                "share": _middle(main / total),
                "low": low if found else 0.0,
                "high": high,
                "verdict": verdict,
                "total_share": _middle(involved / total),
                "total_low": total_low if found or partners else 0.0,
                "total_high": total_high,
                "sd": float(np.sqrt(np.median(main))),
                "sd_low": sd_low if found else 0.0,
                "sd_high": sd_high,
                "p_value": p_value,
                "n_trials": n,
                "reason": reason,
            }
        )
    return pd.DataFrame(records)


def _judge(
    rules: Rules, support: Support, axis: int, p_value: float, idle: float, partners: list[str]
) -> tuple[str, str]:
    """Verdict of a factor and why."""
    part = "third of its range" if support.box.axes[axis].is_numeric else "level"
    n = support.fewest(axis)
    if n < FEWEST:
        return "unresolved", (
            f"only {count(n, 'full-length trial')} at one {part} (at least {FEWEST} are needed): "
            f"{support.more}"
        )
    if p_value < rules.alpha:
        return "matters", f"main effect differs from none (p = {p_value:.2g})"
    if partners:
        return "matters", f"through its interaction with {', '.join(partners)}"
    if idle >= rules.negligible:
        return "negligible", (f"main effect below {rules.idle} sd with probability {idle:.2f}")
    return "unresolved", "neither an effect nor its absence is shown: more design trials settle it"


def interactions(surface: Surface, support: Support, rules: Rules) -> pd.DataFrame:
    """Share of every pair.

    Returns:
        Columns `factor_a, factor_b, share, low, high, verdict`, `sd` (points), `probability`
        (that the sd exceeds the idle sd), `n_trials` (of the least supported quarter), `reason`.
    """
    basis, box = surface.basis, surface.basis.box
    total = sum((surface.variance(t) for t in basis.terms), start=np.zeros(1)) + 1e-12
    records = []
    for term in basis.pairs:
        a, b = term.axes
        variance = surface.variance(term)
        active = float((variance > rules.idle_sd**2).mean())
        idle = probably_idle(surface, term, rules.idle_sd)
        n = support.fewest_of_pair(a, b)
        if support.n_trials < rules.pair_trials or n < FEWEST // 2:
            verdict = "unresolved"
            reason = f"{count(n, 'full-length trial')} in the least supported quarter"
        elif active >= rules.pair:
            verdict = "matters"
            reason = f"sd above {rules.idle} with probability {active:.2f}"
        elif idle >= rules.negligible:
            verdict = "negligible"
            reason = f"sd below {rules.idle} with probability {idle:.2f}"
        else:
            verdict, reason = "unresolved", "more design trials settle it"
        low, high = rules.interval(variance / total)
        records.append(
            {
                "factor_a": box.axes[a].name,
                "factor_b": box.axes[b].name,
                "share": _middle(variance / total),
                "low": low if verdict == "matters" else 0.0,
                "high": high,
                "verdict": verdict,
                "sd": float(np.sqrt(np.median(variance))),
                "probability": active,
                "n_trials": n,
                "reason": reason,
            }
        )
    columns = [
        "factor_a",
        "factor_b",
        "share",
        "low",
        "high",
        "verdict",
        "sd",
        "probability",
        "n_trials",
        "reason",
    ]
    return pd.DataFrame(records, columns=columns)
