import pytest

from study.asked.study_file import dump_study, load_study
from study.errors import StudyFileError
from tests.study.imported import TOML


@pytest.fixture
def load(tmp_path):
    def read(text, **given):
        path = tmp_path / "it.toml"
        path.write_text(text)
        return load_study(path, **given)

    return read


def test_names_levels_and_ranges_are_free(load):
    study = load(TOML)
    assert study.factor("net").levels == ("ORG", "mlp")
    assert study.factor("epochs").is_whole
    assert not study.factor("dropout").is_whole
    assert study.factor("momentum").when == {"net": "mlp"}
    assert study.measure.is_minimised
    assert study.arms == ({},)
    assert study.claims[0].limit == "0.02\u202fnats"


def test_it_survives_being_written(load):
    study = load(TOML)
    assert load(dump_study(study)) == study


def test_a_share_is_told_in_points_and_needs_no_smallest_effect(load):
    text = TOML.replace('unit = "nats"\nsmallest = 0.01', 'unit = "share"')
    study = load(text)
    assert study.claims[0].limit == "0.02 points"
    assert study.measure.text(0.125) == "12.50\u202f%"
    assert study.measure.difference(1.0) == "1.00 points"


def test_differences_larger_than_a_hundred_may_count(load):
    assert load(TOML.replace("least = 0.02", "least = 250")).claims[0].limit == "250\u202fnats"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("smallest = 0.01\n", "", r"\[imported\]: it has no `smallest`"),
        ('unit = "nats"', 'unit = "points"', 'set unit = "share"'),
        ("smallest = 0.01", "smallest = 0", "expected more than 0"),
        ('metric = "val_loss"', 'metric = "status"', "another column of the tables"),
        ('direction = "minimize"', 'direction = "down"', "expected 'maximize' or 'minimize'"),
        ('source = "a search by hand"\n', "", r"\[imported\] source: this is missing"),
        ('levels = ["ORG", "mlp"]', 'levels = ["mlp", 3]', "of several kinds"),
        ("high = 5\n", "high = 5.5\n", "ends that are not whole"),
        ("low = 1e-5", "low = 0", "has no logarithm"),
        ("low = 0.5\nhigh = 0.99", "low = 0.99\nhigh = 0.5", "expected low < high"),
        ('when = { net = "mlp" }', 'when = { net = "cnn" }', "no level of `net`"),
        ("[imported]", "[data]\npath = 'faces'\n[imported]", "there are study, imported"),
        ("smallest = 0.01", "smalest = 0.01", "did you mean `smallest`"),
        ("[claims.rate]", '[claims.rate]\nneeds = "timm:x"', "it asks for models"),
        ("[claims.mlp]", '[claims.mlp]\nmetric = "val_qwk"', "metric is the only one that such"),
        ("[claims.mlp]", '[claims.mlp]\noutcome = "learned"', "who learned is told of nets on"),
    ],
)
def test_what_makes_no_sense_is_refused_by_place(load, old, new, says):
    assert old in TOML
    with pytest.raises(StudyFileError, match=says):
        load(TOML.replace(old, new))


def test_nothing_can_be_trained(load):
    with pytest.raises(StudyFileError, match="trains nothing"):
        load(TOML, overrides={})


def test_a_study_that_trains_is_as_strict_as_ever(load):
    free = TOML.replace('[imported]\nsource = "a search by hand"\nunit = "nats"\n', "")
    with pytest.raises(StudyFileError):
        load(free.replace("smallest = 0.01\n", ""))
