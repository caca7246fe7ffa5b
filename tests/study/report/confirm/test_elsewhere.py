import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agecls.classes import Classes
from study.folder.parquet import read_table, write_table
from study.folder.tables import StudyTables
from study.report.confirm.elsewhere import elsewhere_data, elsewhere_panel


@pytest.fixture
def scored(tables: StudyTables, tmp_path: Path) -> StudyTables:
    base: dict[str, Any] = {
        "faces": "utkface", "arm": "org-scratch", "images": "all", "metric": "accuracy",
        "estimate": 0.18, "low": -0.02, "high": 0.38, "own_split": "test", "own": 0.56,
        "change": -0.38, "change_low": -0.58, "change_high": -0.18, "is_seen": False,
        "n_seeds": 2, "n_images": 9432, "n_clusters": 9332,
    }  # fmt: skip
    frame = pd.DataFrame(
        [
            base,
            base | {"arm": "bcd-scratch", "is_seen": True},
            base | {"arm": "org-scratch", "against": "bcd-scratch", "estimate": 0.0},
            base | {"metric": "qwk"},
            base | {"images": "unique"},
        ]
    )
    path = tmp_path / "external.parquet"
    write_table(path, frame, "external", study_name="x")
    return replace(tables, external=read_table(path, "external"))


def test_single_arms_in_the_study_s_metric_on_all_images_are_shown(scored: StudyTables) -> None:
    data = elsewhere_data(scored)
    assert data is not None
    assert (data.sets, data.arms) == (("utkface",), ("org-scratch", "bcd-scratch"))
    assert data.rows["metric"].tolist() == ["accuracy", "accuracy"]
    assert data.rows["low"].tolist() == [0.0, 0.0]  # no share lies below


def test_what_is_lost_is_told_in_numbers(scored: StudyTables) -> None:
    panel = elsewhere_panel(scored)
    assert panel is not None
    assert panel.table is not None
    assert panel.table.rows[0] == (
        "org-scratch on utkface", "18.0\u202f% [0.0, 38.0]", "56.0\u202f% (test)",
        "-38.0 [-58.0, -18.0] points",
    )  # fmt: skip
    assert "n = utkface: 9,432 images in 9,332 clusters, 2 seeds." in panel.note
    assert "Not a fair test: bcd-scratch on utkface" in panel.note
    assert panel.figure is not None
    there, home = panel.figure.data[:2]
    assert (there.x[0], home.x[0]) == (18.0, 56.0)
    assert home.marker.symbol.endswith("-open")


def test_pictures_that_are_no_faces_are_not_called_so(scored: StudyTables) -> None:
    classes = Classes(tuple("abcdefgi"), None, False)
    panel = elsewhere_panel(replace(scored, study=replace(scored.study, classes=classes)))
    faces = elsewhere_panel(scored)
    assert panel is not None
    assert faces is not None
    assert panel.table is not None
    words = " ".join([panel.reading, panel.note, panel.alt, *panel.table.columns])
    assert not re.search(r"\b(?:faces?|ages?|people)\b", words)
    assert "other people, cameras and ways to tell an age" in faces.reading


def test_nothing_scored_is_nothing_shown(tables: StudyTables) -> None:
    assert elsewhere_panel(tables) is None
