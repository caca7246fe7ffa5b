import pytest

from study.asked.claims.learning import LearningClaim
from study.asked.study_file import dump_study, load_study
from study.errors import StudyFileError
from study.folder.provenance import claims_hash
from study.plan.settle_plan import stated
from tests.study.asked.claims.test_forms import RANGES, STUDY

BETTER = """factor = "scheduler"
better = "step"
worse = "cosine"
least = 0.5
"""
EQUAL = """factor = "scheduler"
equal = ["step", "cosine"]
within = 1.0
"""
LEARNS = BETTER + 'outcome = "learned"\n'
MACRO = 'metric = "val_macro_f1"\n'


@pytest.fixture
def load(tmp_path):
    def call(claim, *, before="", more=""):
        (tmp_path / "it.toml").write_text(before + STUDY + claim + more)
        return load_study(tmp_path / "it.toml")

    return call


@pytest.mark.parametrize("claim", [BETTER, EQUAL])
def test_a_claim_about_two_levels_may_have_a_metric_of_its_own(load, tmp_path, claim):
    study = load(claim + MACRO)
    assert study.claims[0].metric == "val_macro_f1"
    (tmp_path / "again.toml").write_text(dump_study(study))
    assert load_study(tmp_path / "again.toml") == study


def test_its_words_say_points_of_what(load):
    (better,) = load(BETTER + MACRO).claims
    assert better.whether() == "Whether step beats cosine by at least 0.5 points of macro F1"
    assert better.limit == "0.5 points of macro F1"
    assert "the interval lies above 0.5 points of macro F1" in better.settle(1.0, 2.0)
    (equal,) = load(EQUAL + 'metric = "val_qwk"').claims
    assert equal.limit == "±1 point of quadratic weighted kappa"
    (plain,) = load(BETTER).claims
    assert plain.limit == "0.5 points"


def test_another_metric_makes_another_claim(load):
    """To the hash before the search, and to a settling design that was drawn for it."""
    plain, macro = load(BETTER), load(BETTER + MACRO)
    assert claims_hash(plain) != claims_hash(macro)
    assert stated(plain.claims[0]) != stated(macro.claims[0])


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (RANGES + MACRO, "metric: only a claim about two levels is judged on a metric of its own"),
        ("drop_at_most = 5\n" + MACRO, "only a claim about two levels"),
        ('factor = "lr"\nmore_than = "init"\n' + MACRO, "only a claim about two levels"),
        (BETTER + 'metric = "val_loss"', "expected 'val_accuracy', 'val_qwk' or 'val_macro_f1'"),
        (MACRO, "no statement; a claim has"),
        (LEARNS + MACRO, "how often nets learn is no score"),
        (EQUAL + 'outcome = "learned"', 'least with outcome = "learned"'),
        (BETTER + 'outcome = "better"', "expected 'learned'"),
    ],
)
def test_a_metric_where_none_is_judged_is_refused(load, claim, reason):
    with pytest.raises(StudyFileError, match=reason):
        load(claim)


def test_a_claim_may_be_about_how_often_nets_learn(load, tmp_path):
    study = load(LEARNS)
    (claim,) = study.claims
    assert isinstance(claim, LearningClaim)
    assert claim.compares == ("scheduler", "step", "cosine")
    assert claim.limit == "0.5 points of nets that learn"
    assert claim.whether() == (
        "Whether step learns more often than cosine by at least 0.5 points of nets that learn"
    )
    assert study.measure_of(claim).after_effect == " points of nets that learn"
    (tmp_path / "again.toml").write_text(dump_study(study))
    assert load_study(tmp_path / "again.toml") == study
    assert claims_hash(study) != claims_hash(load(BETTER))


@pytest.mark.parametrize("place", ["claims", "settle.claims"])
def test_a_metric_of_distances_is_refused_where_classes_have_no_order(load, place):
    more = f'[{place}.other]\ntext = "Other"\n{BETTER}metric = "val_qwk"\n'
    more += '[classes]\nnames = ["cat", "dog"]\nordered = false\n'
    with pytest.raises(StudyFileError, match=rf"\[{place}.other\] metric: val_qwk weighs dist"):
        load(BETTER, more=more)
