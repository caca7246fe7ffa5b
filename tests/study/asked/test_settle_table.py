from dataclasses import replace

import pytest

from study.asked.study_file import (
    dump_study,
    grown_study,
    is_safe_change,
    load_study,
    study_diff,
)
from study.asked.study_text import lasting
from study.errors import StudyFileError
from tests.small_studies import study_toml

STUDY = study_toml(trials=4, lengths=(2, 3))
SETTLE = """
[settle]
trainings = 24
time_budget = "90m"
[settle.claims.longer_helps]
text = "Three epochs beat two"
factor = "epochs"
better = 3
worse = 2
least = 0.5
"""


def study_of(folder, text):
    path = folder / "it.toml"
    path.write_text(text)
    return load_study(path)


def test_claims_added_after_the_search_stand_apart_from_those_declared_before(tmp_path):
    study = study_of(tmp_path, STUDY + SETTLE)
    assert study.claims == ()
    assert [c.name for c in study.every_claim] == ["longer_helps"]
    assert study.settle.trainings == 24
    assert study.settle.time_budget == 5400


def test_a_study_that_says_nothing_of_settling_has_none(tmp_path):
    study = study_of(tmp_path, STUDY)
    assert study.settle is None
    assert "settle" not in dump_study(study)


@pytest.mark.parametrize("budget", ["90m", "0.1s", "12345678s"])
def test_a_dumped_study_settles_as_it_did(tmp_path, budget):
    study = study_of(tmp_path, STUDY + SETTLE.replace("90m", budget))
    assert study_of(tmp_path, dump_study(study)) == study


def test_what_is_settled_may_be_asked_after_the_study_began(tmp_path):
    before, after = study_of(tmp_path, STUDY), study_of(tmp_path, STUDY + SETTLE)
    assert is_safe_change(before, after)
    assert grown_study(before, after) == after
    assert lasting(after) == lasting(before)
    assert '[settle.claims.longer_helps] factor: "epochs" is new' in study_diff(before, after)
    assert not is_safe_change(before, replace(after, seed=1))


def test_epochs_take_a_claim_that_they_leave_no_level(tmp_path, caplog):
    path = tmp_path / "it.toml"
    path.write_text(STUDY + SETTLE)
    study = load_study(path, overrides={"epochs": 2})
    assert study.settle.claims == ()
    assert "claim longer_helps is left out: --epochs 2 took its levels" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"90m"', '"soon"', "[settle] time_budget: 'soon' is no length of time"),
        ("trainings = 24", "trainings = 0", "[settle] trainings: 0 is not what belongs here"),
        ("trainings = 24", "training = 24", "[settle] training: this key is not known; did you"),
        ("worse = 2", "worse = 5", "[settle.claims.longer_helps] worse: no trial has epochs = 5"),
        ("least = 0.5", "lest = 0.5", "[settle.claims.longer_helps] lest: this key is not known"),
    ],
)
def test_a_wrong_value_is_named_where_it_stands(tmp_path, old, new, told):
    with pytest.raises(StudyFileError) as error:
        study_of(tmp_path, STUDY + SETTLE.replace(old, new))
    assert told in str(error.value)


def test_a_claim_has_one_name_in_both_tables(tmp_path):
    declared = SETTLE.partition("[settle.claims")[2].join(["[claims", ""])
    with pytest.raises(StudyFileError, match="was declared before the search; choose another"):
        study_of(tmp_path, STUDY + declared + SETTLE)
