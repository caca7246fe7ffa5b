import numpy as np

from study.asked.study_file import load_study
from study.plan.streams import (
    Stream,
    generator,
    proposal_seed,
    sequence,
    stream_seed,
    training_seeds,
)
from tests.study import tiny


def test_streams_keep_their_numbers_for_good():
    """Else a study that was begun could not go on with the same draws."""
    assert {stream.name: int(stream) for stream in Stream} == {
        "DESIGN": 1,
        "TRIAL_SEEDS": 2,
        "CONFIRM_SEEDS": 3,
        "CHOICE": 4,
        "SCOUT_DESIGN": 5,
        "SCOUT_SEEDS": 6,
        "CONFIRMED": 7,
        "EXTERNAL": 8,
        "FOLDS": 9,
        "FOLD_TURNS": 10,
        "SETTLE": 11,
        "SETTLE_SEEDS": 12,
        "ADDED_DESIGN": 13,
        "CONFIRM_FOLDS": 14,
    }


def test_more_seeds_begin_with_the_same_ones_and_streams_differ(tmp_path):
    study = load_study(tiny.write_study(tmp_path))
    seeds = training_seeds(study, Stream.TRIAL_SEEDS, 9)
    assert training_seeds(study, Stream.TRIAL_SEEDS, 4) == seeds[:4]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert len({stream_seed(study, stream) for stream in Stream}) == len(Stream)
    assert len({float(generator(study, stream).uniform()) for stream in Stream}) == len(Stream)


def words(made):
    return tuple(made.generate_state(8).tolist())


def test_a_new_stream_meets_no_other_draw_of_the_seed():
    """Neither a stream, old or new, nor TPE's of any trial, nor what is drawn from the seed."""
    seed, last = 3, max(Stream)
    old = {words(sequence(seed, stream)) for stream in Stream}
    new = [words(sequence(seed, last + k)) for k in range(1, 200)]
    assert len(old | set(new)) == len(Stream) + len(new)
    assert words(np.random.SeedSequence(seed)) not in new
    proposals = {proposal_seed(seed, number) for number in range(2000)}
    assert not proposals & {first for first, *_ in new}


def test_old_streams_keep_the_words_that_studies_began_with():
    """So they meet TPE's, which the module says."""
    old = [stream for stream in Stream if stream <= Stream.EXTERNAL]
    assert [sequence(3, stream).generate_state(1)[0] for stream in old] == [
        proposal_seed(3, number) for number in range(1, 9)
    ]
    assert int(sequence(0, Stream.TRIAL_SEEDS).generate_state(1)[0]) == 3141116543
