"""How wide each claim's interval will be, before anything is trained."""

from dataclasses import dataclass

import numpy as np

from agecls.intervals import quantile
from study.analysis.settle.evidence import Questions
from study.analysis.settle.trained import OVERLAP
from study.analysis.settle.verdicts import SettleRules
from study.asked.claim import Claim


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What makes trainings differ, as measured on 8,016 faces of 191 families, about 1,600 a fold.

    Nearly all of both is single images told differently: more images average it away, whether a
    family has forty of them or, where nobody is known, one.

    Attributes:
        training: What one training adds to its score on `tested` images, standard deviation in
            points.
        tested: Images that it was measured on.
        image: By how much images differ in an effect, standard deviation in points: the standard
            error of a difference on N images is about image / sqrt(N). On the 191 families,
            which differ by 3.4, that is 3.4 / sqrt(191).
    """

    training: float = 1.4
    tested: int = 1_600
    image: float = 22.0


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Of one claim, at the end of the plan.

    Attributes:
        claim: The claim.
        half_width: Of its 95 % interval, points.
        adjusted: Of the interval that its verdict follows from, while all claims are open.
    """

    claim: Claim
    half_width: float
    adjusted: float


def expected_half_widths(
    questions: Questions,
    rules: SettleRules,
    *,
    blocks: int,
    images: int,
    n_folds: int,
    noise: Noise | None = None,
) -> list[Expected]:
    """What to expect of each claim that has a column, if every net learns.

    Args:
        questions: Of the claims.
        rules: When one looks, and at which level.
        blocks: That are trained by the end.
        images: Of all folds.
        n_folds: That these lie in.
        noise: How much trainings differ.
    """
    noise, design = noise or Noise(), questions.design
    trained = np.bincount(
        [row for block in range(blocks) for row in design.rows_of(block)],
        minlength=len(design.levels),
    )
    # blocks of one fold are tested on the same images
    weights = np.bincount(np.arange(blocks) % n_folds) / blocks
    by_images = noise.image**2 * float(weights @ weights) * n_folds / images
    per_training = noise.training**2 * noise.tested * n_folds / images
    at = rules.looks(blocks)
    freedom = max(float(trained.sum() - len(design.levels) - blocks + 1), 1.0)
    found = []
    for one in questions.each:
        squares = one.contrast.weights**2
        luck = per_training * float((squares / np.maximum(trained, 1)).sum())
        shared = OVERLAP * per_training * float(squares.sum())
        error = float(np.sqrt(by_images + luck + shared))
        half, adjusted = (
            quantile(freedom, 1 - level / 2) * error
            for level in (0.05, rules.level(at, len(questions.each)))
        )
        found.append(Expected(claim=one.claim, half_width=half, adjusted=adjusted))
    return found
