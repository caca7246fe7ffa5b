from dataclasses import replace

import pytest

from study.asked.free import is_taken
from study.asked.study_file import dump_study, grown_study, is_safe_change, load_study
from study.asked.study_text import lasting
from study.errors import StudyFileError
from study.folder.columns import columns_of
from tests.study.trainable import TOML

FOLDS = TOML.replace(
    'trainable = "quadratic:train"',
    'trainable = "quadratic:train"\nexamples = "quadratic:labels"',
).replace("[factors.net]", "[folds]\nk = 3\n[factors.net]", 1)


@pytest.fixture
def load(tmp_path):
    def read(text, **given):
        path = tmp_path / "it.toml"
        path.write_text(text)
        return load_study(path, overrides=given or None)

    return read


def test_its_factors_and_its_metric_have_any_name(load):
    study = load(TOML)
    assert study.trainable.function == "quadratic:train"
    assert study.is_free
    assert study.measure.is_minimised
    assert study.factor("width").is_whole
    assert study.factor("momentum").when == {"net": "deep"}
    assert study.claims[0].limit == "0.02\u202fnats"
    assert study.arms == ({"net": "deep"}, {"net": "wide"})


def test_every_trial_has_a_length(load):
    assert load(TOML).factor("epochs").levels == (4,)
    tuned = '[factors.epochs]\nrole = "tuned"\nlevels = [3, 9]\n[factors.net]'
    study = load(TOML.replace("epochs = 4\n", "").replace("[factors.net]", tuned, 1))
    assert study.epochs == 9
    once = load(TOML.replace("epochs = 4\n", ""))
    assert (once.epochs, once.factor("epochs").levels) == (1, (1,))


@pytest.mark.parametrize(
    "text",
    [
        TOML,
        FOLDS,
        TOML.replace('unit = "nats"\nsmallest = 0.01', 'unit = "share"'),
        TOML + '[[include]]\nnet = "wide"\nrate = 0.5\nwidth = 4\n',
    ],
)
def test_it_survives_being_written(load, text):
    study = load(text)
    assert load(dump_study(study)) == study


def test_it_goes_on_where_its_function_has_moved(load):
    study = load(TOML)
    moved = replace(study, trainable=replace(study.trainable, folder="/elsewhere"))
    assert lasting(moved) == lasting(study)
    assert load(dump_study(moved)) == moved
    longer = load(TOML, trials=12)
    assert is_safe_change(study, longer)
    assert grown_study(study, longer).added == 4
    other = load(TOML.replace("quadratic:train", "quadratic:other"))
    assert not is_safe_change(study, other)


def test_the_command_line_shortens_it(load):
    assert load(TOML, epochs=2).factor("epochs").levels == (2,)
    assert load(TOML, trials=4, seed=3).seed == 3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("quadratic:train", "quadratic.train", "expected package.module:function"),
        ("quadratic:train", "../quadratic:train", "expected package.module:function"),
        ("smallest = 0.01\n", "", r"\[study\]: it has no `smallest`"),
        ('metric = "loss"', 'metric = "seconds"', "another column of the tables"),
        ('metric = "loss"', 'metric = "rung"', "another column of the tables"),
        ('metric = "loss"\n', "", r"\[study\] metric: this is missing"),
        ("epochs = 4", "epochs = 0", "expected 1 or more"),
        ("trials = 8", "trials = 1", "cannot reach 2 arms"),
        ("[factors.net]", "[data]\npath = 'faces'\n[factors.net]", "there are study, confirm"),
        ("[factors.net]", "[folds]\nk = 3\n[factors.net]", r"add \[study\] examples"),
        ('metric = "loss"', 'metric = "loss"\nexamples = "m:f"', r"add \[folds\], or drop"),
        ("least = 0.02", 'least = 0.02\nneeds = "w"', "asks for models"),
        (
            "[factors.net]",
            "[confirm]\nadaptive = true\nseeds = 4\n[factors.net]",
            # no word of [folds], which would not do either
            "seeds go to arms by their spread over folds, but arms of a function are compared on "
            "the seeds that all of them have; drop it, and let `seeds` be what each arm is to",
        ),
    ],
)
def test_what_no_study_can_be_made_of_is_told_in_a_line(load, old, new, says):
    with pytest.raises(StudyFileError, match=says) as told:
        load(TOML.replace(old, new, 1))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("place", ["claims", "settle.claims"])
def test_a_claim_s_metric_is_the_study_s_or_is_told_what_there_is(load, place):
    claim = 'text = "x"\nfactor = "net"\nbetter = "deep"\nworse = "wide"\nleast = 0.05\n'
    text = f"{TOML}[settle]\ntrainings = 8\n[{place}.other]\n{claim}"
    study = load(f'{text}metric = "loss"\n')
    assert study == load(text)
    assert [claim.metric for claim in study.every_claim] == [None, None]
    for metric in ("f1", "val_accuracy"):  # one of a function's, and one of our nets'
        with pytest.raises(StudyFileError) as told:
            load(f'{text}metric = "{metric}"\n')
        assert str(told.value).endswith(
            f"it.toml, [{place}.other] metric: '{metric}' cannot judge it: [study] metric is the "
            "only one that such a study has, here 'loss'; drop this line, or ask it in a study "
            "with that metric"
        )


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("low = 1\nhigh = 4", "takes levels, not a range"),
        ("levels = [1, 2.5]", "2.5 is no length"),
        ('levels = [1, 2]\nwhen = { net = "deep" }', "every trial has a length"),
        ("levels = [2, 9]", r"9 is more than \[study\] epochs = 4"),
    ],
)
def test_lengths_are_few_whole_numbers(load, table, says):
    asked = f'[factors.epochs]\nrole = "tuned"\n{table}\n[factors.net]'
    with pytest.raises(StudyFileError, match=says):
        load(TOML.replace("[factors.net]", asked, 1))


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ('net = "wide"\nrate = 0.5\nwidth = 4.5', "4.5 is not a whole number"),
        ('net = "wide"\nrate = "fast"\nwidth = 4', "'fast' is not a number"),
        ('net = "wide"\nrate = 0.5\nwidth = 4\nspeed = 1', "`speed` is no factor"),
        ('net = "wide"\nrate = 0.5', "it has no width"),
    ],
)
def test_an_included_configuration_is_of_its_factors(load, pairs, says):
    with pytest.raises(StudyFileError, match=says):
        load(f"{TOML}[[include]]\n{pairs}\n")


def test_faces_flags_mean_nothing_to_it(load):
    with pytest.raises(StudyFileError, match=r"--data .*has no \[data\]; drop --data"):
        load(TOML, data="faces")


def test_a_function_is_scored_on_its_folds_or_on_nobody_knows_what(load):
    for stage, split, on in (("confirm", "val", "out of fold"), ("settle", "folds", "folds")):
        assert load(FOLDS).judged_on(stage, split) == on
        assert load(TOML).judged_on(stage, split) is None


def test_a_metric_has_no_name_of_a_column_that_says_something_else():
    free = [column.name for column in columns_of("trials", []) if not is_taken(column.name)]
    assert free == ["val_accuracy", "val_loss", "val_qwk", "val_mae"]
    for table in ("confirm", "settle"):
        left = [c.name for c in columns_of(table, []) if not is_taken(c.name)]
        # of nets that a function does not train
        assert all(n.startswith(("val_", "test_", "temperature")) for n in left), table
    assert is_taken("Status")
