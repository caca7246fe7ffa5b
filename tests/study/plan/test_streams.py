from study.asked.study_file import load_study
from study.plan.streams import Stream, generator, stream_seed, training_seeds
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
    }


def test_more_seeds_begin_with_the_same_ones_and_streams_differ(tmp_path):
    study = load_study(tiny.write_study(tmp_path))
    seeds = training_seeds(study, Stream.TRIAL_SEEDS, 9)
    assert training_seeds(study, Stream.TRIAL_SEEDS, 4) == seeds[:4]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert len({stream_seed(study, stream) for stream in Stream}) == len(Stream)
    assert len({float(generator(study, stream).uniform()) for stream in Stream}) == len(Stream)
