"""Small settled studies: rows of two-level factors, and trainings with scores as told."""

from collections.abc import Callable

import numpy as np
import pytest

from study.analysis.settle.trained import Accrued, Trained, Trainings
from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor
from study.plan.settle_rows import SettleDesign, settle_design
from tests.study.asked.test_factors import study_of

N_FOLDS = 5


def beats(factor: str, least: float = 0.5) -> DifferenceClaim:
    return DifferenceClaim(
        name=factor, text="It does", factor=factor, better="hi", worse="lo", least=least
    )


def design_of(n: int) -> SettleDesign:
    factors = [Factor(name=f"f{i}", role="tuned", levels=("lo", "hi")) for i in range(n)]
    return settle_design(study_of(*factors), [beats(f.name) for f in factors])


def accuracy(sums: np.ndarray) -> np.ndarray:
    """Of features (right, images)."""
    return sums[..., 0] / sums[..., 1]


def trained(
    rows: np.ndarray,
    blocks: int,
    rng: np.random.Generator,
    *,
    noise: float = 0.5,
    cluster: float = 0.0,
    n_clusters: int = 20,
    design: SettleDesign | None = None,
    learned: Callable[[int, int], bool] = lambda row, block: True,
) -> list[Trained]:
    """Trainings of rows with these true scores (points), each on its block's fold.

    `noise` is what a training adds (sd); `cluster` what a cluster adds to a net's share of right
    answers, drawn anew for every training.
    """
    n = rng.integers(30, 60, size=(N_FOLDS, n_clusters)).astype(float)
    found = []
    for block in range(blocks):
        images = n[block % N_FOLDS]
        common = 40 + rng.normal()
        for row in design.rows_of(block) if design else range(len(rows)):
            right = common + rows[row] + noise * rng.normal()
            right = right + cluster * rng.normal(size=n_clusters)
            found.append(
                Trained(
                    row=row,
                    block=block,
                    fold=block % N_FOLDS,
                    learned=learned(row, block),
                    sums=np.stack([right / 100 * images, images], axis=-1),
                )
            )
    return found


def trainings(some: list[Trained]) -> Trainings:
    return Trainings.of(some, accuracy, N_FOLDS)


def accrued(some: list[Trained]) -> Accrued[Trained]:
    return Accrued(trained=some, gather=trainings)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
