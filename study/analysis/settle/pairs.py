"""Pairs of factors whose effects depend on each other, with those they cannot be told from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from study.analysis.confirm.verdicts import holm, two_sided
from study.analysis.settle.contrasts import Pair, main_effects, products
from study.analysis.settle.effects import Effect, Layout
from study.analysis.settle.evidence import Questions
from study.analysis.settle.trained import Trainings
from study.plan.settle_rows import SettleDesign

LEVEL: Final = 0.05
"""Chance to call any pair one that matters if none does."""


@dataclass(frozen=True, kw_only=True)
class PairEffect:
    """How far rows that have both first or both second levels of a pair exceed the others.

    That is half of how much more the first factor does under one level of the second than under
    the other.

    Attributes:
        pairs: With its sign, each pair whose effect this may be; their sum is what is estimated.
        effect: Of the first, points.
        p: That it is 0, two-sided, after Holm's step-down over all that are estimated.
    """

    pairs: tuple[tuple[Pair, int], ...]
    effect: Effect
    p: float

    @property
    def matters(self) -> bool:
        """Whether one of the pairs matters for sure."""
        return self.p <= LEVEL


def pair_effects(questions: Questions, trainings: Trainings) -> tuple[PairEffect, ...]:
    """What the trainings tell of pairs of factors with two levels each, surest first.

    Pairs that look like a main effect, and those without enough cells, are left out.
    """
    mains = main_effects(questions.design.levels)
    found: list[tuple[Sequence[tuple[Pair, int]], Effect]] = []
    layouts: dict[bytes, Layout] = {}
    for group in _groups(questions.design):
        product = group[0][1]
        weights = product / (product > 0).sum()
        there = product != 0
        if (product > 0).sum() != (product < 0).sum() or np.abs(mains.T @ weights).max() > 1e-8:
            continue
        if there.tobytes() not in layouts:
            cells = trainings.cells(trainings.learned & there[trainings.rows])
            if not len(cells.rows):
                continue
            layouts[there.tobytes()] = Layout(cells, questions.mains)
        effect = layouts[there.tobytes()].effect(weights)
        if effect is not None:
            found.append(
                ([(pair, int(sign @ product > 0) * 2 - 1) for pair, sign in group], effect)
            )
    adjusted = holm([two_sided((0.0, None), effect.estimate)[0] for _, effect in found])
    told = [
        PairEffect(pairs=tuple(pairs), effect=effect, p=p)
        for (pairs, effect), (p, _) in zip(found, adjusted, strict=True)
    ]
    return tuple(sorted(told, key=lambda one: one.p))


def _groups(design: SettleDesign) -> list[list[tuple[Pair, np.ndarray]]]:
    """Pairs by their product over rows, up to its sign."""
    groups: dict[bytes, list[tuple[Pair, np.ndarray]]] = {}
    for pair, product in products(design.levels):
        first = product[np.flatnonzero(product)[0]]
        groups.setdefault((product * first + 0.0).tobytes(), []).append((pair, product))
    return list(groups.values())
