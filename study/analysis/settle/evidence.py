"""What trainings of a settling design say of each claim: its effect, and who learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from study.analysis.confirm.verdicts import two_sided
from study.analysis.maths.counted import Counted, LearnedMore, surely_loses
from study.analysis.settle.contrasts import Contrast, contrast_of, main_effects
from study.analysis.settle.effects import Effect, Layout
from study.analysis.settle.trained import Trainings
from study.asked.claim import Claim, Verdict
from study.plan.settle_rows import SettleDesign


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What trainings say of a claim.

    Attributes:
        claim: The claim.
        effect: Of its column; None where nothing can be told yet.
        learned: Of the first level and of the second.
    """

    claim: Claim
    effect: Effect | None
    learned: tuple[Counted, Counted]

    @property
    def loses(self) -> bool:
        """Whether a level surely learns less often, so that points alone do not support it."""
        if self.claim.counts_learned:  # which its own test tells
            return False
        return surely_loses(self.claim.region, *self.learned)

    @cached_property
    def test(self) -> tuple[float, Verdict]:
        """Two-sided p, and the verdict that it speaks for."""
        if self.effect is None:
            return 1.0, "unresolved"
        p, verdict = two_sided(self.claim.region, self.effect.estimate)
        if verdict == "refuted" and None not in self.claim.region:
            p = min(1.0, 2 * p)  # a truth inside may be thought to lie beyond either end
        return (1.0, "unresolved") if verdict == "supported" and self.loses else (p, verdict)

    def speaks_for(self, verdict: Verdict, level: float) -> bool:
        """Whether it would settle the claim so, tested at a two-sided level."""
        p, found = self.test
        return found == verdict and p <= level


@dataclass(frozen=True, kw_only=True)
class Question:
    """A claim with its column of the design.

    Attributes:
        claim: The claim.
        signs: 1 and -1 in rows of its two levels, 0 in others (R,).
        contrast: That tells its effect.
    """

    claim: Claim
    signs: NDArray[np.int64]
    contrast: Contrast

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Rows that tell of it (R,)."""
        return np.asarray(self.contrast.weights != 0)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What a design asks.

    Attributes:
        design: Rows and columns.
        each: In the claims' order.
        mains: Main effects of rows, see `contrasts.main_effects`, and which half of them a block
            trains: rows of one half are compared with each other only.
    """

    design: SettleDesign
    each: tuple[Question, ...]
    mains: NDArray[np.float64]

    @classmethod
    def of(cls, design: SettleDesign, claims: Sequence[Claim]) -> "Questions":
        """Those of the claims that have a column."""
        place = {column.claim: n for n, column in enumerate(design.columns)}
        turns = [np.isin(np.arange(len(design.levels)), design.rows_of(t)) for t in range(2)]
        return cls(
            design=design,
            each=tuple(
                Question(
                    claim=claim,
                    signs=design.signs[:, place[claim.name]],
                    contrast=contrast_of(design.columns[place[claim.name]], design.levels),
                )
                for claim in claims
                if claim.name in place
            ),
            mains=np.column_stack([main_effects(design.levels), *turns]),
        )

    def answers(self, trainings: Trainings) -> tuple[Evidence, ...]:
        """What the trainings say of each."""
        # most questions are asked in all rows and on the study's metric
        layouts: dict[tuple[bytes, str | None], Layout] = {}
        found = []
        for question in self.each:
            first, second = (
                Counted(k=int(trainings.learned[side].sum()), n=int(side.sum()))
                for side in (question.signs[trainings.rows] == sign for sign in (1, -1))
            )
            if question.claim.counts_learned:
                effect = _learned_more(first, second, trainings)
                found.append(
                    Evidence(claim=question.claim, effect=effect, learned=(first, second))
                )
                continue
            key = question.asked.tobytes(), question.claim.metric
            if key not in layouts:
                measured = trainings.by(question.claim.metric)
                cells = measured.cells(trainings.learned & question.asked[trainings.rows])
                layouts[key] = Layout(cells, self.mains)
            found.append(
                Evidence(
                    claim=question.claim,
                    effect=layouts[key].effect(question.contrast.weights),
                    learned=(first, second),
                )
            )
        return tuple(found)


def _learned_more(first: Counted, second: Counted, trainings: Trainings) -> Effect | None:
    """How much more often trainings of the first level learn, whatever their scores."""
    found = LearnedMore.of(first, second, n_seeds=trainings.n_blocks)
    if found is None:
        return None
    return Effect(
        estimate=found,
        fixed=0.0,
        n_trainings=first.n + second.n,
        n_clusters=trainings.parts.shape[1],
        n_folds=len(np.unique(trainings.folds)),
        of_folds=trainings.n_folds,
    )
