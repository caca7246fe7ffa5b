from typing import Any

import pandas as pd
import pytest

from study.analysis import Analysis, analyse
from study.folder.provenance import claims_hash
from study.folder.tables import StudyTables
from tests.study.report.simulated import a_study, simulate, tables_of

VERSIONS = {"python": "3.11.9", "torch": "2.14.1"}
SUMMARY: dict[str, Any] = {
    "images": {"train": 800, "val": 200},
    "classes": {"train": {"a": 400, "b": 400}, "val": {"a": 100, "b": 100}},
    "absent_classes": {"train": [], "val": []},
    "majority": {"train": 0.24, "val": 0.244},
    "clusters": {"train": 150, "val": 40},
    "quarantined": {"bad": 0, "set_aside": 0, "first": []},
    "duplicates": {"removed": True, "copies": 3, "conflicting_images": 0, "val_copies": 0},
    "leaks": {"train-val": {"same_content": 0, "same_person": 0}},
}
"""The audit of sound data."""


def known(**summary: Any) -> dict[str, Any]:
    """A `study.json` of a sound study, but for these parts of its data's audit."""
    return {
        "versions": VERSIONS,
        "git_commit": "0123456789" * 4,
        "data": {"summary": SUMMARY | summary},
        "claims_hash": claims_hash(a_study()),
        "finished": True,
        "sessions": [{"started_at": "2026-01-02T03:04:05+00:00", "versions": VERSIONS}],
    }


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> StudyTables:
    """A sound study of 96 trials in four arms, not confirmed."""
    study = a_study()
    folder = tmp_path_factory.mktemp("sound")
    return tables_of(folder, study, *simulate(study, 96), provenance=known())


@pytest.fixture(scope="session")
def analysis(tables: StudyTables) -> Analysis:
    """What the analysis says of it."""
    return analyse(tables.study, tables.trials, tables.epochs, seed=0)


@pytest.fixture(scope="session")
def confirmed(tables: StudyTables) -> StudyTables:
    """The same study with three fresh seeds of two arms, far apart, scored on a test split."""
    worth = {"org-scratch": 0.46, "org-pretrained": 0.55}
    models = [
        {
            "arm": arm, "seed": seed, "model": f"{arm}-seed{seed}", "status": "completed",
            "learned": True, "search_value": value, "val_accuracy": value + 0.002 * (seed - 1),
            "test_accuracy": value + 0.002 * (seed - 1),
        }
        for arm, value in worth.items()
        for seed in range(3)
    ]  # fmt: skip
    scores = [
        {"arm": arm, "split": split, "images": "all", "metric": metric, "class": a_class}
        | {"estimate": value, "low": value - 0.02, "high": value + 0.02}
        | {"n_seeds": 3, "n_images": 200, "n_clusters": 40}
        for arm, accuracy in worth.items()
        for split in ("val", "test")
        for metric, a_class, value in (
            ("accuracy", None, accuracy), ("ece", None, 0.03), ("recall", "a", 0.5),
        )
    ]  # fmt: skip
    looked = {"test_reads": [{"started_at": "2026-01-02T03:04:05+00:00", "command": "x"}]}
    return tables.having(
        confirm=pd.DataFrame(models),
        confirmed=pd.DataFrame(scores).assign(against=None),
        claims=pd.DataFrame([{"claim": "transfer_helps", "stage": "confirm", "fragile": False}]),
        provenance=known() | looked,
    )
