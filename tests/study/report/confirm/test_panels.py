"""The confirm stage's figures together, on planted results."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from study.analysis import Predicted, predicted_of
from study.folder.tables import StudyTables, read_study
from study.report.confirm.calibration import calibration_data
from study.report.confirm.looks import looks_sentence
from study.report.confirm.metrics import METRICS, metrics_data
from study.report.confirm.values import ConfirmedValues, confirmed_values
from tests.study.report.confirming import confirm_study
from tests.study.report.placing import panels_of


@pytest.fixture
def on_val(folder: Path) -> StudyTables:
    """A confirmed study without a test split."""
    arms = ("org-scratch", "org-pretrained", "bcd-scratch", "bcd-pretrained")
    confirm_study(folder, dict.fromkeys(arms, 0.5), has_test=False, n_images=300, n_seeds=3)
    return read_study(folder)


def test_every_figure_has_a_question_n_and_words_for_the_blind(
    confirmed_tables: StudyTables,
) -> None:
    panels = panels_of(confirmed_tables, None, ("confirm",))
    assert [panel.id for panel in panels] == [
        "confirmed-arms", "seeds", "metrics", "classes", "confusion", "calibration",
    ]  # fmt: skip
    for panel in panels:
        assert panel.title.endswith("?")
        assert panel.figure is not None
        assert len(panel.alt) > 40
        assert any(word in panel.note for word in ("n = ", "images in ", "images by class"))
        assert "interval" in panel.note or panel.id == "confusion"


def test_without_a_test_split_everything_is_on_val_and_says_so(on_val: StudyTables) -> None:
    confirmed, predicted = confirmed_values(on_val), predicted_of(on_val)
    assert confirmed is not None
    assert predicted is not None
    assert confirmed.split == "val"
    data = calibration_data(predicted, confirmed)
    assert data is not None
    assert data.after == {}
    assert set(data.bins["tempered"]) == {False}
    absent = ("accuracy_top5", "nll_tempered", "ece_tempered")
    assert metrics_data(confirmed).metrics == tuple(m for m in METRICS if m not in absent)
    assert looks_sentence(on_val, confirmed, predicted).startswith("There is no test split here")
    notes = " ".join(panel.note for panel in panels_of(on_val, None, ("confirm",)))
    assert "it was fitted to this split" in notes
    assert "test split" not in notes


def test_one_look_at_test_is_named_and_a_second_one_stands_out(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues, predicted: Predicted
) -> None:
    once = looks_sentence(confirmed_tables, confirmed, predicted)
    assert once == (
        "The test split was looked at once, on 2026-01-03T00:00:00+00:00, by python -m "
        "study.confirm demo."
    )
    known = dict(confirmed_tables.provenance or {})
    twice = replace(
        confirmed_tables, provenance=known | {"test_reads": [*known["test_reads"] * 2]}
    )
    assert "looked at 2 times" in looks_sentence(twice, confirmed, predicted)
    unknown = replace(confirmed_tables, provenance=None)
    assert "not on record" in looks_sentence(unknown, confirmed, predicted)


def test_with_folds_a_look_at_test_is_named_too(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues, predicted: Predicted
) -> None:
    folded = replace(confirmed, frame=confirmed.frame.assign(n_trainings=10))
    assert folded.split == "val"
    said = looks_sentence(confirmed_tables, folded, predicted)
    assert said.startswith("Arms are compared on folds")
    assert "The test split was looked at once" in said
    only_val = folded.frame[folded.frame["split"] == "val"]
    without = looks_sentence(confirmed_tables, replace(folded, frame=only_val), predicted)
    assert without.endswith("There is no test split here.")


def test_without_predictions_the_rest_is_shown_and_the_lack_is_named(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(confirmed_tables.folder, copy)
    (copy / "predictions.parquet").unlink()
    tables = read_study(copy)
    assert predicted_of(tables) is None
    panels = panels_of(tables, None, ("confirm",))
    assert [panel.id for panel in panels] == ["confirmed-arms", "seeds", "metrics", "classes"]
    assert "predictions.parquet is not in this folder" in looks_sentence(tables, confirmed, None)


def test_nothing_confirmed_is_nothing_shown(tables: StudyTables) -> None:
    assert panels_of(tables, None, ("confirm",)) == []
