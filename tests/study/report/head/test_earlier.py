from dataclasses import replace
from pathlib import Path

import pytest

from study.asked.factors import Factor
from study.folder.tables import StudyTables
from study.report.head.earlier import VAL_CLASSES, earlier_model, earlier_note
from tests.study.report.simulated import (
    LR_ONLY,
    NO_EPOCHS,
    a_study,
    provenance,
    simulate,
    tables_of,
)


def on_the_same_faces(tables: StudyTables) -> StudyTables:
    known = provenance()
    known["data"]["summary"]["classes"]["val"] = dict(VAL_CLASSES)
    return replace(tables, provenance=known)


def test_its_validation_split_has_the_images_that_it_stated() -> None:
    assert sum(VAL_CLASSES.values()) == 1539
    assert max(VAL_CLASSES.values()) / 1539 == pytest.approx(0.2437, abs=1e-4)


@pytest.mark.parametrize(
    ("variant", "init", "name", "accuracy"),
    [
        ("org", "scratch", "ORG", 0.26),
        ("org", "pretrained", "TL", 0.50),
        ("bcd", "scratch", "BCD", 0.26),
        ("bcd_seed", "pretrained", "TL-BCD", 0.51),
    ],
)
def test_each_arm_has_its_counterpart(
    tables: StudyTables, variant: str, init: str, name: str, accuracy: float
) -> None:
    model = earlier_model(on_the_same_faces(tables), {"variant": variant, "init": init})
    assert model is not None
    assert (model.name, model.accuracy) == (name, accuracy)


def test_its_note_says_what_pretrained_means_here() -> None:
    note = earlier_note(a_study(weights="torchvision:IMAGENET1K_V2"))
    assert note.endswith(
        "Here images are 32 pixels; “pretrained” starts from torchvision:IMAGENET1K_V2."
    )


def test_other_faces_have_none(tables: StudyTables) -> None:
    assert earlier_model(tables, {"variant": "org", "init": "scratch"}) is None
    assert earlier_model(replace(tables, provenance=None), {"variant": "org"}) is None


def test_arms_of_anything_else_have_none(tmp_path: Path) -> None:
    factors = (Factor(name="loss", role="arm", levels=("focal", "cross_entropy")), *LR_ONLY)
    study = a_study(factors, claims=())
    trials, _ = simulate(study, 4)
    tables = on_the_same_faces(tables_of(tmp_path, study, trials, NO_EPOCHS))
    assert earlier_model(tables, {"loss": "focal"}) is None


def test_a_fixed_variant_counts_as_the_arm_s(tmp_path: Path) -> None:
    factors = (
        Factor(name="init", role="arm", levels=("scratch", "pretrained")),
        Factor(name="variant", role="fixed", levels=("org",)),
        *LR_ONLY,
    )
    study = a_study(factors)
    trials, _ = simulate(study, 4)
    tables = on_the_same_faces(tables_of(tmp_path, study, trials, NO_EPOCHS))
    model = earlier_model(tables, {"init": "pretrained"})
    assert model is not None
    assert model.name == "TL"
