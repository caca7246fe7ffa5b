import pytest

from study.analysis.maths.support import FEWEST
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.drop import DropClaim
from study.asked.claims.parts import RangeClaim
from study.asked.factors import holds
from study.asked.study_file import dump_study, load_study, preset_names
from study.errors import StudyFileError
from study.folder.provenance import claims_hash
from study.plan.trials import plan_trials
from tests.small_studies import some_folders

STUDY = """
[study]
trials = 20
epochs = 2
[data]
path = "synthetic"
size = 16
[factors.init]
role = "arm"
levels = ["scratch", "pretrained"]
[factors.lr]
role = "tuned"
log = true
low = 1e-4
high = 0.3
[factors.scheduler]
role = "tuned"
levels = ["cosine", "step"]
[pretrain]
data = "synthetic-source"
epochs = 1
[claims.it]
text = "It holds"
"""
RANGES = """factor = "lr"
better = [0.03, 0.3]
worse = [1e-4, 1e-3]
least = 1
"""


@pytest.fixture
def load(tmp_path):
    def call(claim):
        (tmp_path / "it.toml").write_text(STUDY + claim)
        return load_study(tmp_path / "it.toml")

    return call


def test_a_claim_may_compare_two_parts_of_a_range(load):
    (claim,) = load(RANGES + 'when = { init = "scratch" }').claims
    assert claim == RangeClaim(
        name="it", text="It holds", factor="lr", better=(0.03, 0.3), worse=(1e-4, 1e-3),
        least=1.0, when={"init": "scratch"},
    )  # fmt: skip


def test_a_claim_may_be_about_other_faces_and_about_certain_weights(load):
    (claim,) = load('drop_at_most = 5\nneeds = "torchvision:IMAGENET1K_V1"').claims
    assert claim == DropClaim(
        name="it", text="It holds", needs="torchvision:IMAGENET1K_V1", drop_at_most=5.0
    )


@pytest.mark.parametrize(
    "claim",
    [
        RANGES,
        RANGES + 'when = { init = "scratch", scheduler = "step" }',
        "drop_at_most = 0.5",
        'factor = "init"\nbetter = "pretrained"\nworse = "scratch"\nleast = 1\nneeds = "timm:x"',
    ],
)
def test_every_form_survives_the_way_to_the_file_and_back(load, tmp_path, claim):
    study = load(claim)
    (tmp_path / "again.toml").write_text(dump_study(study))
    assert load_study(tmp_path / "again.toml") == study


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (RANGES.replace("[0.03, 0.3]", "[0.3, 0.03]"), "two numbers, the lower one first"),
        (RANGES.replace("[0.03, 0.3]", "[0.03]"), "two numbers, the lower one first"),
        (RANGES.replace("[0.03, 0.3]", '["a", "b"]'), "two numbers, the lower one first"),
        (RANGES.replace("[0.03, 0.3]", "[1, 2]"), "no trial has lr from 1 to 2; it has 0.0001 to"),
        (RANGES.replace("[0.03, 0.3]", "0.1"), "the other side is a range"),
        (RANGES.replace("[0.03, 0.3]", "[5e-4, 0.3]"), "better and worse overlap"),
        (RANGES.replace('"lr"', '"scheduler"'), "has levels, not a range"),
        (RANGES.replace("least = 1", ""), "it has better, worse; a claim has better, worse and"),
        (RANGES + "when = { init = 1 }", "no trial has init = 1"),
        (RANGES + 'when = { colour = "red" }', "`colour` is no factor of this study"),
        ("drop_at_most = -1", "expected 0.0 or more"),
        ('drop_at_most = 1\nfactor = "lr"', "drop_at_most and no factor"),
        ('better = "step"\nworse = "cosine"\nleast = 1', "each with its factor"),
        (
            'factor = "scheduler"\nbetter = "step"\nworse = "cosine"\nleast = 1\n'
            'when = { init = "scratch" }',
            "only a claim about two ranges has it",
        ),
    ],
)
def test_a_claim_that_says_too_little_or_what_no_trial_shows_is_refused(load, claim, reason):
    with pytest.raises(StudyFileError, match=reason):
        load(claim)


def test_a_form_of_claim_that_came_later_leaves_old_hashes_as_they_were(load):
    """The hash that a study of the first version wrote into its study.json."""
    study = load('factor = "init"\nbetter = "pretrained"\nworse = "scratch"\nleast = 1')
    assert isinstance(study.claims[0], DifferenceClaim)
    assert claims_hash(study) == "1be5438af2de5995c1009be16042a9ae"
    needy = load(
        'factor = "init"\nbetter = "pretrained"\nworse = "scratch"\nleast = 1\nneeds = "timm:x"'
    )
    assert claims_hash(needy) != claims_hash(study)


def test_every_claim_of_the_earlier_study_is_declared_in_a_preset():
    studies = [load_study(name, of_folders=some_folders) for name in preset_names()]
    declared = {claim.name for study in studies for claim in study.claims}
    assert declared >= {
        "transfer_helps",
        "bcd_equal",
        "structure_minor",
        "zero_gamma_helps",
        "cosine_beats_step",
        "lr_prevents_underfit",
        "augmentation_underfits",
        "few_epochs_enough",
        "focal_for_imbalance",
        "external_validation",
    }


def test_the_seed_preset_plans_enough_trials_for_its_claim_about_rates():
    study = load_study("seed")
    (claim,) = (c for c in study.claims if isinstance(c, RangeClaim))
    assert claim.better[0] <= 0.1 <= claim.better[1]
    rates = [
        float(planned.config["lr"])
        for planned in plan_trials(study)
        if planned.config is not None and holds(claim.when, planned.config)
    ]
    for low, high in (claim.better, claim.worse):
        assert sum(low <= rate <= high for rate in rates) >= FEWEST
