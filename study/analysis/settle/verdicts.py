"""Claims judged look after look on the trainings of a settling design.

A claim's level at a look comes from spending (`spending`) of its share of alpha: alpha over the
claims that are still open, which grows as claims are settled (Holm's step-down, look by look as
Maurer and Bretz 2013, "Multiple testing in group sequential trials using graphical approaches",
show). So the chance of any wrong verdict stays below alpha whenever one stops. The truth lies in a
claim's region or not, so only one of its two verdicts can be wrong: each is given the whole of the
claim's alpha, and the two-sided level, that of the adjusted interval, is twice as much. A settled
claim keeps its verdict; its estimate goes on with the trainings that still come. A look that was
taken is not taken again: what it said stands.

A claim of "beats" is supported by nets that learned, and only where its better level does not
surely learn less often; a claim of "does alike" where neither does.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agecls.intervals import quantile
from study.analysis.confirm.trained import is_fragile
from study.analysis.settle.evidence import Evidence, Questions
from study.analysis.settle.pairs import PairEffect, pair_effects
from study.analysis.settle.spending import levels, looks, spent
from study.analysis.settle.trained import Accrued, One, Trainings
from study.asked.claim import Claim, Verdict
from study.plan.settle_rows import SettleDesign

MOST_BLOCKS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class SettleRules:
    """How claims are judged.

    Attributes:
        planned: Blocks that the plan had when settling began; it fixes what looks may spend.
        ends: Blocks at the ends of later plans; one looks there too.
        alpha: Chance of any wrong verdict over all claims, whenever one stops.
        power: Chance to settle a claim, for what it would still cost.
    """

    planned: int
    ends: tuple[int, ...] = ()
    alpha: float = 0.05
    power: float = 0.8

    def looks(self, blocks: int) -> list[int]:
        """Numbers of finished blocks after which one looks, up to `blocks`."""
        return sorted({n for end in (self.planned, *self.ends) for n in looks(blocks, end)})

    def level(self, at: Sequence[int], n_open: int) -> float:
        """Two-sided level of the last of the looks, for the likeliest of so many open claims."""
        return levels(tuple(n / self.planned for n in at), self.alpha / n_open)[-1]

    def spent(self, blocks: int) -> float:
        """Alpha that is gone after so many blocks, over all claims."""
        return spent(blocks / self.planned, self.alpha)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What stands of a claim.

    Attributes:
        verdict: Supported, refuted or unresolved.
        settled_at: Blocks of the look that settled it; None: still open.
        n_open: Claims among which it is, or was when it was settled, the likeliest at best.
    """

    verdict: Verdict
    settled_at: int | None
    n_open: int


Said = Mapping[int, Mapping[str, Held]]
"""By blocks of a look that was taken: what stood of each claim then, by its name."""


@dataclass(frozen=True, kw_only=True)
class AfterLook:
    """A claim after a look.

    Attributes:
        evidence: Of the blocks that were finished.
        blocks: How many.
        held: What stands after the look.
        level: Two-sided, of the test at this look; of the adjusted interval.
        alpha: Spent by this look and those before it, over all claims.
        fragile: Whether leaving out one training turns the verdict; None: it is open.
        needed: Blocks in all that would settle it if the estimate were true; None: it is settled,
            or no number up to a thousand would.
    """

    evidence: Evidence
    blocks: int
    held: Held
    level: float
    alpha: float
    fragile: bool | None = None
    needed: int | None = None

    @property
    def claim(self) -> Claim:
        """The claim."""
        return self.evidence.claim

    @property
    def adjusted(self) -> tuple[float, float]:
        """Both ends of the interval that the verdict follows from; NaN without an estimate."""
        if self.evidence.effect is None:
            return float("nan"), float("nan")
        return self.evidence.effect.estimate.interval(1 - self.level)

    @property
    def makes_no_difference(self) -> bool:
        """Whether the whole interval lies within the least difference of interest."""
        reach = max(abs(end) for end in self.claim.region if end is not None)
        low, high = self.adjusted
        return self.held.settled_at is not None and -reach < low and high < reach


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What looks have brought that were not taken before.

    Attributes:
        looks: The claims' standings (in the claims' order) at each of them.
        pairs: Of factors, from all blocks of the last of them, surest first.
    """

    looks: tuple[tuple[AfterLook, ...], ...]
    pairs: tuple[PairEffect, ...]

    @property
    def last(self) -> tuple[AfterLook, ...]:
        """The claims' standings after the last look; empty where none was taken."""
        return self.looks[-1] if self.looks else ()


def judge_settled(
    questions: Questions,
    accrued: Accrued[One],
    rules: SettleRules,
    *,
    blocks: int | None = None,
    said: Said | None = None,
) -> Settled:
    """Verdicts of the claims that a design asks, look by look.

    Args:
        questions: Of the claims.
        accrued: The trainings; those of unfinished blocks wait for their look.
        rules: How to judge.
        blocks: That are finished, failed trainings or not; None: those of which every row's
            training is there.
        said: Looks that were taken before, from the first on.
    """
    said = dict(said or {})
    if blocks is None:
        blocks = finished_blocks({(t.row, t.block) for t in accrued.trained}, questions.design)
    at = rules.looks(blocks)
    trainings = {} if said.keys() >= {*at} or not questions.each else accrued.until(at)
    if not trainings:
        return Settled(looks=(), pairs=())
    looks = list(look_by_look(questions, trainings.__getitem__, rules, at, said))
    said |= {look[0].blocks: {one.claim.name: one.held for one in look} for look in looks}
    return Settled(
        looks=tuple(_told(look, questions, trainings, rules, said) for look in looks),
        pairs=pair_effects(questions, trainings[at[-1]]),
    )


def look_by_look(
    questions: Questions,
    until: Callable[[int], Trainings],
    rules: SettleRules,
    at: Sequence[int],
    said: Said | None = None,
) -> Iterator[tuple[AfterLook, ...]]:
    """The claims' standings at each look that was not taken before.

    Args:
        questions: Of the claims.
        until: Trainings of the first so many blocks.
        rules: How to judge.
        at: Blocks finished at each look.
        said: Looks that were taken before, from the first on.
    """
    held: Mapping[str, Held] = {}
    for n, blocks in enumerate(at, start=1):
        if said and blocks in said:
            held = said[blocks]
            continue
        answers = questions.answers(until(blocks))
        held = _step_down(answers, held, rules, at[:n])
        yield tuple(
            AfterLook(
                evidence=one,
                blocks=blocks,
                held=held[one.claim.name],
                level=rules.level(at[:n], held[one.claim.name].n_open),
                alpha=rules.spent(blocks),
            )
            for one in answers
        )


def _step_down(
    answers: Sequence[Evidence], before: Mapping[str, Held], rules: SettleRules, at: Sequence[int]
) -> dict[str, Held]:
    """What stands of each claim after the last of the looks `at`."""
    held = {name: one for name, one in before.items() if one.settled_at is not None}
    waiting = sorted((a for a in answers if a.claim.name not in held), key=lambda a: a.test[0])
    n_open = len(waiting)
    for one in waiting:
        if not one.speaks_for(one.test[1], rules.level(at, n_open)):
            break
        held[one.claim.name] = Held(verdict=one.test[1], settled_at=at[-1], n_open=n_open)
        n_open -= 1
    still = Held(verdict="unresolved", settled_at=None, n_open=n_open)
    return {one.claim.name: held.get(one.claim.name, still) for one in answers}


def verdicts_without_each(
    questions: Questions, trainings: Mapping[int, Trainings], rules: SettleRules, said: Said
) -> Iterator[Mapping[str, Verdict]]:
    """By claim, the verdicts after the last look had each training not been there.

    Looks are judged again from the first one on that the training was a part of; a course ends
    where all that was settled is settled alike.

    Args:
        questions: Of the claims.
        trainings: Of each look, by its blocks.
        rules: How to judge.
        said: By blocks of each of these looks, what stood then.
    """
    at = sorted(trainings)
    settled = {k: one.verdict for k, one in said[at[-1]].items() if one.settled_at is not None}
    every = trainings[at[-1]]
    for row, block in zip(every.rows, every.blocks, strict=True):

        def without(blocks: int, row: int = row, block: int = block) -> Trainings:
            some = trainings[blocks]
            return some.only((some.rows != row) | (some.blocks != block))

        verdicts: dict[str, Verdict] = {}
        before = {blocks: held for blocks, held in said.items() if blocks <= block}
        for look in look_by_look(questions, without, rules, at, before):
            verdicts = {one.claim.name: one.held.verdict for one in look}
            if settled.items() <= verdicts.items():
                break
        yield verdicts


def _told(
    standings: Sequence[AfterLook],
    questions: Questions,
    trainings: Mapping[int, Trainings],
    rules: SettleRules,
    said: Said,
) -> tuple[AfterLook, ...]:
    """The standings of a look with what open claims would cost, and which hang on one training."""
    others: list[Mapping[str, Verdict]] = []
    if any(one.held.settled_at is not None for one in standings):
        so_far = {n: some for n, some in trainings.items() if n <= standings[0].blocks}
        others = list(verdicts_without_each(questions, so_far, rules, said))
    return tuple(
        replace(one, needed=blocks_needed(one, rules))
        if one.held.settled_at is None
        else replace(
            one,
            fragile=is_fragile(one.held.verdict, (other[one.claim.name] for other in others)),
        )
        for one in standings
    )


def blocks_needed(standing: AfterLook, rules: SettleRules) -> int | None:
    """Fewest blocks in all that would settle an open claim if today's estimate were true."""
    effect = standing.evidence.effect
    if effect is None or standing.evidence.loses:
        return None
    distance = standing.claim.distance(effect.estimate.value)
    alpha = rules.alpha / standing.held.n_open
    for n in range(standing.blocks + 1, MOST_BLOCKS + 1):
        error, freedom = effect.expected(n)
        level = 2 * spent(max(n / rules.planned, 1.0), alpha)
        if (quantile(freedom, 1 - level / 2) + quantile(freedom, rules.power)) * error <= distance:
            return n
    return None


def finished_blocks(there: Collection[tuple[int, int]], design: SettleDesign) -> int:
    """Blocks from the first on of which every row is there.

    Args:
        there: Row and block of each training.
        design: That says which rows a block has.
    """
    blocks = 0
    while all((row, blocks) in there for row in design.rows_of(blocks)):
        blocks += 1
    return blocks
