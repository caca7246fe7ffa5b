"""The random streams that a study's seed is split into: one for each question.

A change in how one question draws leaves every other answer as it was. Old studies go on with
the numbers that they began with, so these derivations stay although they meet: streams 1 to 8
are the sequences `[seed, number]`, and so are TPE's of trial `number`, which of trials 1 to 8
starts on the words that a stream gives. Five questions draw from the seed itself, as TPE's of
trial 0 does: the analysis of the search, the intervals of calibration, the splits of the data,
the study's drawn faces, and a backbone's images and training. Streams from 9 on share nothing
with any of these or with each other.
"""

from enum import IntEnum
from typing import Final

import numpy as np

from study.asked.study import Study


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
    FOLDS = 9
    FOLD_TURNS = 10
    SETTLE = 11
    SETTLE_SEEDS = 12
    ADDED_DESIGN = 13
    CONFIRM_FOLDS = 14


_LAST_THAT_MEETS: Final = 8
"""Streams up to this number have the sequences that TPE has, too."""


def sequence(seed: int, stream: int) -> np.random.SeedSequence:
    """A stream's sequence; `stream` is a number of `Stream`."""
    if stream <= _LAST_THAT_MEETS:
        return np.random.SeedSequence([seed, stream])
    # a key follows the seed's padded words, so that no list of words gives the same
    return np.random.SeedSequence(seed, spawn_key=(stream,))


def proposal_seed(seed: int, number: int) -> int:
    """TPE's seed for the proposal of a trial, 0..2**32 - 1."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def generator(study: Study, stream: Stream) -> np.random.Generator:
    """The stream's generator, at its start."""
    return np.random.default_rng(sequence(study.seed, stream))


def stream_seed(study: Study, stream: Stream) -> int:
    """A seed for what makes its own generator, 0..2**32 - 1."""
    return int(sequence(study.seed, stream).generate_state(1)[0])


def training_seeds(study: Study, stream: Stream, n: int) -> list[int]:
    """The stream's first `n` seeds of trainings, 0..2**31 - 1, so that every library takes them.

    More seeds begin with the same ones. Two of them may be equal.
    """
    states = sequence(study.seed, stream).generate_state(n)
    seeds: list[int] = (states >> 1).tolist()
    return seeds


def added_design_generator(study: Study, first: int) -> np.random.Generator:
    """The generator of a design that a resumed run appended, at its start.

    Args:
        study: The study.
        first: Number of its first trial.
    """
    return np.random.default_rng(_further(study.seed, Stream.ADDED_DESIGN, first))


def seed_of_copy(seed: int, copy: int) -> int:
    """Seed of a recipe's further training in a block of settling, 0..2**31 - 1.

    Args:
        seed: The block's.
        copy: From 1.
    """
    return _first_seed(_further(seed, Stream.SETTLE_SEEDS, copy))


def seed_of_fold(seed: int, fold: int) -> int:
    """What a confirmed net of a seed starts from on one fold, 0..2**31 - 1.

    Args:
        seed: Of the seed's trainings on all folds.
        fold: From 0.
    """
    return _first_seed(_further(seed, Stream.CONFIRM_FOLDS, fold))


def _further(seed: int, stream: Stream, number: int) -> np.random.SeedSequence:
    """One of a stream's sequences, where it has one for each number."""
    return np.random.SeedSequence(seed, spawn_key=(stream, number))


def _first_seed(sequence: np.random.SeedSequence) -> int:
    return int(sequence.generate_state(1)[0] >> 1)
