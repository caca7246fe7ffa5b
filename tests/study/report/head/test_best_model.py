from dataclasses import replace
from pathlib import Path

from study.folder.tables import StudyTables
from study.report.head.best_model import best_model
from study.report.head.digest import digest_of


def put(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")


def test_no_model_is_named_that_is_not_there(tables: StudyTables) -> None:
    assert best_model(tables, digest_of(tables).arms) is None


def test_the_command_uses_the_best_arm_s_model_and_quotes_its_path(
    tables: StudyTables, tmp_path: Path
) -> None:
    folder = tmp_path / "a b"
    arms = digest_of(tables).arms
    best = max(arms, key=lambda row: row.best_value or 0.0)
    put(folder / "models" / best.arm)
    model = best_model(replace(tables, folder=folder), arms)
    assert model is not None
    assert model.command == (
        f"python -m agecls.predict '{folder}/models/{best.arm}' PICTURES --out ages.parquet"
    )
    assert model.note == "the search's best trial, with its own seed"


def test_confirmed_models_come_before_the_search_s(
    confirmed_tables: StudyTables, tmp_path: Path
) -> None:
    arms = digest_of(confirmed_tables).arms
    best = max(arms, key=lambda row: row.confirmed.estimate if row.confirmed else 0.0)
    home = tmp_path / "models" / best.arm
    put(home)
    put(home / "confirmed" / "seed1")
    put(home / "confirmed" / "seed2")
    model = best_model(replace(confirmed_tables, folder=tmp_path), arms)
    assert model is not None
    assert f"{home}/confirmed PICTURES" in model.command
    assert model.note == "the mean of its 2 models from fresh seeds"
