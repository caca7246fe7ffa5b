"""The random streams that a study's seed is split into: one for each question, none used twice.

A change in how one question draws leaves every other answer as it was.
"""

from enum import IntEnum

import numpy as np

from study.asked.factors import Study


class Stream(IntEnum):
    """What is drawn. A stream keeps its number for good, or old studies could not go on."""

    DESIGN = 1
    TRIAL_SEEDS = 2
    CONFIRM_SEEDS = 3
    CHOICE = 4
    SCOUT_DESIGN = 5
    SCOUT_SEEDS = 6
    CONFIRMED = 7
    EXTERNAL = 8


def generator(study: Study, stream: Stream) -> np.random.Generator:
    """The stream's generator, at its start."""
    return np.random.default_rng([study.seed, stream])


def stream_seed(study: Study, stream: Stream) -> int:
    """A seed for what makes its own generator, 0..2**32 - 1."""
    return int(np.random.SeedSequence([study.seed, stream]).generate_state(1)[0])


def training_seeds(study: Study, stream: Stream, n: int) -> list[int]:
    """The stream's first `n` seeds of trainings, 0..2**31 - 1, so that every library takes them.

    More seeds begin with the same ones. Two of them may be equal.
    """
    states = np.random.SeedSequence([study.seed, stream]).generate_state(n)
    seeds: list[int] = (states >> 1).tolist()
    return seeds
