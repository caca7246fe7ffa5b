"""Claims that were declared before the search, judged by the search alone.

A claim about levels is about both sides tuned; the search answers with the model's tuned
contrast, never with the best trials seen. Everything finer belongs to the confirm stage. The
verdict follows from the interval printed beside it and the smallest difference of interest:
supported or refuted if the whole interval lies on one side, else unresolved. Where a design was
added after the search had been looked at, this look has half of the risk of the one before it.
The first one was taken at the whole risk, when nobody knew of another: at 95 % one of two is
wrong about a claim with a chance of up to 7.5 %, one of many of up to 10 %.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from study.analysis.maths.counted import LearnedMore
from study.analysis.maths.effects import Surface
from study.analysis.maths.support import FEWEST, Support
from study.analysis.search.collapse import learned_with
from study.analysis.search.contrasts import Cell, Contrasts
from study.analysis.search.frames import Frames
from study.analysis.search.importance import Rules
from study.analysis.search.ranges import compare_ranges
from study.analysis.untested import Untested, lacks_faces, lacks_weights
from study.asked.claim import Claim, Part, Search
from study.asked.factors import Config, Level
from study.quantities import count

_Answer = dict[str, object]
_Ends = tuple[float, float]

COLUMNS = [
    "claim",
    "text",
    "estimate",
    "low",
    "high",
    "verdict",
    "stage",
    "n_trials",
    "n_seeds",
    "reason",
    "command",
    "unit",
    "average",
    "average_low",
    "average_high",
    "adjusted_low",
    "adjusted_high",
    "metric",
]


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What the search's trials say by one metric.

    Attributes:
        frames: The trials.
        surface: Fitted to them; None: nothing was.
        support: The full-length ones.
    """

    frames: Frames
    surface: Surface | None
    support: Support


@dataclass(frozen=True, kw_only=True)
class Claims:
    """Parameters of the claim verdicts.

    Attributes:
        rules: Of intervals and support.
        contrasts: How levels are compared.
    """

    rules: Rules
    contrasts: Contrasts

    def __call__(
        self,
        grounds: Grounds,
        others: Mapping[str, Grounds],
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Every claim of the study.

        Args:
            grounds: By the study's metric.
            others: By metrics that claims ask for and epochs tell.
            rng: Of what is drawn from surfaces.

        Returns:
            Columns `claim, text, estimate, low, high` (null where withheld), `verdict`
            (supported, refuted, unresolved), `stage` (search), `n_trials` (full length, of the
            less supported side), `n_seeds` (0), `reason`, `command` (which tests a claim that
            this study cannot test; else null), `unit` (`points`, or `share` for
            importance claims), the contrast averaged over the box `average, average_low,
            average_high`, the ends that the verdict follows from where these are stricter
            `adjusted_low, adjusted_high`, and `metric` (that the claim asks for).
        """
        records = []
        for claim in grounds.frames.study.claims:
            base = {
                "claim": claim.name, "text": claim.text, "stage": "search", "n_seeds": 0,
                "unit": claim.unit, "metric": claim.judged_on,
            }  # fmt: skip
            own = others.get(claim.metric or "", grounds)
            asked = _Asked(claim=claim, params=self, grounds=own, rng=rng)
            is_told = claim.metric in (None, grounds.frames.study.metric, *others)
            records.append(base | (asked.answer() if is_told else asked.lacks_metric()))
        return pd.DataFrame(records, columns=COLUMNS)


@dataclass(frozen=True, kw_only=True)
class _Asked(Search[_Answer]):
    """The search, asked about one claim; what it answers is part of a row of claims."""

    claim: Claim
    params: Claims
    grounds: Grounds
    rng: np.random.Generator

    @property
    def frames(self) -> Frames:
        return self.grounds.frames

    @property
    def support(self) -> Support:
        return self.grounds.support

    def lacks_metric(self) -> _Answer:
        """What is answered where no epoch tells the metric."""
        return withheld(0, f"not asked here: the table of epochs has no {self.claim.metric}")

    def answer(self) -> _Answer:
        """What the claim asks, where the study starts from the weights that it is about."""
        missing = lacks_weights(self.frames.study, self.claim)
        return self.claim.ask(self) if missing is None else untested(missing)

    def elsewhere(self) -> _Answer:
        return untested(lacks_faces(self.frames.study))

    def levels(self, factor: str, first: Level, second: Level) -> _Answer:
        """The tuned contrast, and the average one beside it."""
        surface = self._surface()
        if isinstance(surface, dict):
            return surface
        box = self.support.box
        if box.axes[box.index(factor)].is_numeric:
            return withheld(0, f"`{factor}` is a number; its levels cannot be tuned")
        asked: list[tuple[str, Cell, Cell]] = [(factor, {factor: first}, {factor: second})]
        contrasts, again = self.params.contrasts, deepcopy(self.rng)
        compared = contrasts.compare(surface, self.support, asked, self.rng)
        average, tuned = (compared.iloc[k] for k in (0, 1))
        n = int(tuned["n_trials"])
        if np.isnan(tuned["estimate"]):
            return withheld(n, tuned["reason"])

        def at(level: float) -> _Ends:
            found = replace(contrasts, level=level).compare(surface, self.support, asked, again)
            return float(found["low"][1]), float(found["high"][1])

        ends = self._at_this_look((float(tuned["low"]), float(tuned["high"])), at)
        told = self._judged(float(tuned["estimate"]), *ends, n)
        return told | {
            "average": average["estimate"],
            "average_low": average["low"],
            "average_high": average["high"],
        }

    def learned(self, factor: str, first: Level, second: Level) -> _Answer:
        """How much more often design trials learn, where the factor exists."""
        if factor not in self.frames.configs:
            return withheld(0, f"`{factor}` is not varied in this study")
        sides = [learned_with(self.frames, factor, level) for level in (first, second)]
        n = min(side.n for side in sides)
        found = LearnedMore.of(sides[0], sides[1], n_seeds=1)
        if found is None or n < FEWEST:
            few = f"withheld: {count(n, 'design trial')} of one level"
            return withheld(n, f"{few} (at least {FEWEST} are needed); {self.support.more}")
        ends = self._at_this_look(found.interval(self.params.rules.level), found.interval)
        told = self._judged(found.value, *ends, n)
        k = " against ".join(f"{side.k} of {side.n}" for side in sides)
        return told | {"reason": f"{told['reason']}; {k} design trials learned"}

    def parts(self, factor: str, first: Part, second: Part, when: Config) -> _Answer:
        """Difference of the two parts' means over all design trials."""
        asked = partial(compare_ranges, self.frames, factor, (first, second), when)
        found = asked(level=self.params.rules.level)
        if found.reason:
            return withheld(found.n_trials, found.reason)

        def at(level: float) -> _Ends:
            strict = asked(level=level)
            return strict.low, strict.high

        ends = self._at_this_look((found.low, found.high), at)
        told = self._judged(found.estimate, *ends, found.n_trials)
        ended = f"{found.n_collapsed} collapsed ones counted with the value that they ended at"
        return told | {"reason": f"{told['reason']}; design trials only, {ended}"}

    def shares(self, first: str, second: str) -> _Answer:
        """Difference of the two factors' total shares."""
        surface = self._surface()
        if isinstance(surface, dict):
            return surface
        axes = [self.support.box.index(name) for name in (first, second)]
        n = min(self.support.fewest(axis) for axis in axes)
        if n < FEWEST:
            reason = (
                f"withheld: {count(n, 'full-length trial')} at one level or third of the range "
                f"(at least {FEWEST} are needed); {self.support.more}"
            )
            return withheld(n, reason)
        terms = surface.basis.terms
        nothing = np.zeros(len(surface.weights))
        total = sum((surface.variance(t) for t in terms), start=nothing) + 1e-12
        shares = [
            sum((surface.variance(t) for t in terms if axis in t.axes), start=nothing) / total
            for axis in axes
        ]
        difference, rules = shares[0] - shares[1], self.params.rules
        ends = self._at_this_look(
            rules.interval(difference),
            lambda level: replace(rules, level=level).interval(difference),
        )
        return self._judged(difference.mean(), *ends, n)

    def _surface(self) -> Surface | _Answer:
        """The surface, or the answer where it says nothing of the claim's factors."""
        varied = {axis.name for axis in self.support.box.axes}
        for name in self.claim.varied:
            if name not in varied:
                return withheld(0, f"`{name}` is not varied in this study")
        if self.grounds.surface is None:
            return withheld(self.support.n_trials, self.frames.untold or "no factor varies")
        return self.grounds.surface

    @property
    def _strict(self) -> float:
        """The level of this look."""
        return 1 - (1 - self.params.rules.level) * share_of_risk(self.frames.study.n_looks)

    def _at_this_look(self, ends: _Ends, at: Callable[[float], _Ends]) -> tuple[_Ends, _Ends]:
        """The ends at the level of intervals, and those that this look is given."""
        return ends, ends if self.frames.study.n_looks == 1 else at(self._strict)

    def _judged(self, estimate: float, ends: _Ends, strict: _Ends, n: int) -> _Answer:
        """An answer: its interval, and the verdict by the ends that this look is given."""
        in_points = self.claim.unit == "points"
        per_point = self.frames.study.measure.per_point if in_points else 1.0
        verdict, reason = self.claim.settle(*(float(end) * per_point for end in strict))
        told: _Answer = {
            "estimate": float(estimate),
            "low": float(ends[0]),
            "high": float(ends[1]),
            "verdict": verdict,
            "n_trials": n,
            "reason": reason,
        }
        if self.frames.study.n_looks == 1:
            return told
        looked = f"judged at {self._strict:.1%}, for design trials were added after a look"
        return told | {
            "reason": f"{reason}; {looked}" if reason else looked,
            "adjusted_low": float(strict[0]),
            "adjusted_high": float(strict[1]),
        }


def withheld(n: int, reason: str) -> _Answer:
    """An answer without a number."""
    return {
        "estimate": None,
        "low": None,
        "high": None,
        "verdict": "unresolved",
        "n_trials": n,
        "reason": reason,
    }


def untested(missing: Untested) -> _Answer:
    """An answer of a study that cannot test the claim."""
    return withheld(0, missing.reason) | {"command": missing.command}


def share_of_risk(look: int) -> float:
    """What a look at the search may risk, as a share of what the first one may.

    Each has half of the one before it: however many there are, less than twice that of the first.

    Args:
        look: From 1.
    """
    return 0.5 ** (look - 1)
