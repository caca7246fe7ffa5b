"""Claims about arms put to confirmed models: verdicts, and what would settle more.

Each claim that compares levels of an arm factor is tested on the paired difference of its two
sides, averaged over the other arm factors' cells that have both; see `verdicts`. Claims about
tuned factors, and about shares of variance, cannot be told from a few confirmed arms: they keep
the search's answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from agecls.intervals import Estimate, quantile
from study.analysis.confirm.scored import Scored
from study.analysis.confirm.verdicts import Judged, Tested, judge
from study.analysis.maths.counted import Counted, LearnedMore, surely_loses
from study.analysis.untested import lacks_weights
from study.asked.claim import Claim, Verdict
from study.asked.study import Study, arm_name
from study.folder.columns import names_of
from study.outcomes import Outcomes

MOST_SEEDS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A claim's test with the arms that it is made of.

    Attributes:
        test: The test.
        arms: Those that it is made of.
        idle: Arms no training of which brought anything: their pairs are left out.
        slow: Of the trainings of each arm that is not, which brought something. The others count
            as they are, or are left out, see `Scored.leaves_out`.
        weights: Of each arm in the estimate, in what the claim counts in.
        outcomes: How trainings are spoken of.
        learned: Where some may be left out, how many trainings of the first level brought
            something, and of the second, those of arms that are left out too; else None.
        is_apart: Whether hardly any fold, or seed, has trainings of all arms that count: the test
            is then of all as they are, and says nothing.
    """

    test: Tested
    arms: tuple[str, ...]
    idle: tuple[str, ...]
    slow: Mapping[str, tuple[bool, ...]]
    weights: Mapping[str, float]
    outcomes: Outcomes
    learned: tuple[Counted, Counted] | None = None
    is_apart: bool = False

    @property
    def withheld(self) -> str | None:
        """Why nothing can be told; None where something can."""
        if not self.arms:
            return self.outcomes.none_of(self.idle)
        if self.is_apart:
            return self.outcomes.apart(self.arms)
        if self.test.estimate.error == 0:
            return self.outcomes.alike(self.test.estimate.n_seeds)
        return None

    @property
    def loses(self) -> bool:
        """Whether a side surely brings something less often, so that points do not support it."""
        return self.learned is not None and surely_loses(self.test.claim.region, *self.learned)

    def verdict(self, one: Judged) -> Verdict:
        """The verdict of its test, which trainings that fail more often do not support."""
        return "unresolved" if one.verdict == "supported" and self.loses else one.verdict

    @property
    def notes(self) -> str:
        """What a reader of the verdict must know of its trainings, parts behind semicolons."""
        none = f"none of whose {self.outcomes.many} {self.outcomes.came}"
        said = [f"left out with its pair: {arm}, {none}" for arm in self.idle]
        said += [
            self.outcomes.some_of(arm, learned, are_left_out=self.learned is not None)
            for arm, learned in self.slow.items()
        ]
        if self.learned is not None and self.loses:
            sides = [f"{counted.k} of {counted.n}" for counted in self.learned]
            said.append(
                f"how often {self.outcomes.bring} differs for sure ({sides[0]} against "
                f"{sides[1]}), and such a difference is not made good by {self.outcomes.gain}"
            )
        return "".join(f"; {part}" for part in said)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What confirmed arms say of a claim: its estimate in points, and the verdict."""

    estimate: float
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Parameters of the verdicts.

    Attributes:
        alpha: Chance of any wrong verdict, over all claims of the study.
        power: Chance to settle a claim, for the number of seeds.
    """

    alpha: float = 0.05
    power: float = 0.8

    def __call__(self, study: Study, scored: Scored, search_claims: pd.DataFrame) -> pd.DataFrame:
        """The claims that confirmed arms decide, in the study's order.

        Args:
            study: The study file.
            scored: The trainings on what claims are judged on.
            search_claims: `claim, estimate, low, high` of the search stage.

        Returns:
            The columns of `claims`; `n_trials` counts models, `seeds_needed`
            those per arm that would settle it with 80 % power if the estimate were true (null: no
            number would).
        """
        found = self.compared(study, scored)
        judged = self._judged(found)
        before = {row["claim"]: row for row in search_claims.to_dict("records")}
        rows = []
        for name, one in found.items():
            searched = before.get(name, {})
            if one.withheld:
                row = one.test.opened(one.withheld)
            else:
                row = self._told(judged[name], one.notes, scored)
                row["verdict"] = one.verdict(judged[name])
            row |= {f"search_{k}": searched.get(k) for k in ("estimate", "low", "high")}
            own = {"unit": study.measure.effects, "metric": one.test.claim.judged_on}
            rows.append(row | own)
        return pd.DataFrame(rows, columns=names_of("claims"))

    def compared(self, study: Study, scored: Scored) -> dict[str, Compared]:
        """The tests of the claims that confirmed arms decide, by name in the study's order."""
        found = (_compared(claim, study, scored) for claim in study.claims)
        return {one.test.claim.name: one for one in found if one}

    def decided(self, compared: Mapping[str, Compared]) -> dict[str, Decision]:
        """How claims stand whose tests are these; those of which nothing can be told are open."""
        judged = self._judged(compared)
        return {
            name: Decision(
                estimate=one.test.estimate.value,
                verdict=one.verdict(judged[name]) if name in judged else "unresolved",
            )
            for name, one in compared.items()
        }

    def _judged(self, compared: Mapping[str, Compared]) -> dict[str, Judged]:
        """The tests that say something, as one family."""
        tests = [one.test for one in compared.values() if not one.withheld]
        judged = judge(tests, alpha=self.alpha)
        return {one.test.claim.name: one for one in judged}

    def _told(self, one: Judged, notes: str, scored: Scored) -> dict[str, object]:
        """The row of a claim that was tested."""
        told, seeds = one.told("claims", "one claim tested"), None
        if not one.is_settled:
            estimate = one.test.estimate
            seeds = self.seeds_needed(one.test.claim, estimate, one.alpha)
            told += f"; {_way_out(estimate, seeds, scored)}"
        return one.row(told + notes) | {"seeds_needed": seeds}

    def seeds_needed(self, claim: Claim, estimate: Estimate, alpha: float) -> int | None:
        """Fewest seeds per arm that would settle the claim if today's estimate were true.

        More seeds do not narrow what the images' clusters leave open; None if that is too wide.
        """
        distance = claim.distance(estimate.value)
        for n in range(2, MOST_SEEDS + 1):
            error, freedom = estimate.with_seeds(n)
            reach = quantile(freedom, 1 - alpha / 2) + quantile(freedom, self.power)
            if reach * error <= distance:
                return n
        return None


def _way_out(estimate: Estimate, seeds: int | None, scored: Scored) -> str:
    """What would settle a claim that is open, or that nothing would."""
    has_folds = estimate.folds > 1
    if seeds is not None:
        more = max(seeds, estimate.n_seeds + 1)
        each = f" in each of {estimate.folds} folds" if has_folds else ""
        return f"about {more} seeds per arm{each} would settle it if the estimate were true"
    if has_folds and estimate.n_seeds == 1:
        return "a second seed in each fold would tell how many more would settle it"
    return f"no number of seeds would settle it: {scored.beyond_seeds(estimate)}"


def _compared(claim: Claim, study: Study, scored: Scored) -> Compared | None:
    """The claim's test; None where it is not for these arms to say."""
    if claim.compares is None or lacks_weights(study, claim):
        return None
    factor, *levels = claim.compares
    if factor not in {f.name for f in study.of_role("arm")}:
        return None
    pairs = [
        (first, second)
        for cell in study.arms
        if cell[factor] == levels[0]
        for first, second in [[arm_name(study, {**cell, factor: level}) for level in levels]]
        if first in scored.arms and second in scored.arms
    ]
    if claim.counts_learned:
        return _learned_more(claim, pairs, scored)
    idle = tuple(a for pair in pairs for a in pair if not any(scored.arms[a].learned))
    sound = [pair for pair in pairs if not {*pair} & {*idle}]
    compared = sound or pairs
    if not compared:
        return None
    measure = study.measure_of(claim)
    weights = _weights(compared, measure.per_claim)
    metric = measure.score
    told, is_apart = scored.told(weights, metric), False
    if told is None and scored.leaves_out:
        told, is_apart = scored.told(weights, metric, mixture=True), True
    if told is None:
        return None
    arms = tuple(arm for pair in sound for arm in pair)
    learned = None
    if scored.leaves_out:
        learned = _counted(pairs, scored)
    n_models = told.n_trainings or len(arms or idle) * told.n_seeds
    return Compared(
        test=Tested(claim=claim, estimate=told.estimate, split=scored.split, n_models=n_models),
        arms=arms,
        idle=idle,
        slow={arm: of for arm in arms if not all(of := scored.arms[arm].learned)},
        weights=weights,
        outcomes=scored.outcomes,
        learned=learned,
        is_apart=is_apart,
    )


def _weights(pairs: Sequence[tuple[str, str]], scale: float) -> dict[str, float]:
    """Of each arm in the mean difference of pairs, by so much a unit of the score."""
    return {
        arm: sign * scale / len(pairs)
        for pair in pairs
        for arm, sign in zip(pair, (1, -1), strict=True)
    }


def _counted(pairs: Sequence[tuple[str, str]], scored: Scored) -> tuple[Counted, Counted]:
    """How many trainings brought something, of the first arms of pairs and of the second."""
    first, second = (
        [x for arm in side for x in scored.arms[arm].learned] for side in zip(*pairs, strict=True)
    )
    return Counted(k=sum(first), n=len(first)), Counted(k=sum(second), n=len(second))


def _learned_more(
    claim: Claim, pairs: Sequence[tuple[str, str]], scored: Scored
) -> Compared | None:
    """The test of a claim about how often nets learn, for which all trainings count."""
    if not pairs:
        return None
    first, second = _counted(pairs, scored)
    arms = tuple(arm for pair in pairs for arm in pair)
    seeds = {seed for arm in arms for seed, *_ in scored.arms[arm].trainings}
    found = LearnedMore.of(first, second, n_seeds=len(seeds))
    if found is None:
        return None
    return Compared(
        test=Tested(claim=claim, estimate=found, split=scored.split, n_models=first.n + second.n),
        arms=arms,
        idle=(),
        slow={arm: of for arm in arms if not all(of := scored.arms[arm].learned)},
        weights=_weights(pairs, 100),
        outcomes=scored.outcomes,
    )
