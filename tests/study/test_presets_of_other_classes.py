"""The presets of other classes than the eight, on pictures that a test draws."""

from pathlib import Path

import pandas as pd
import pytest

from agecls import export, predict
from agecls.classes import DECADES
from study import run
from tests.agecls.data.layouts.fifty import utk
from tests.agecls.pictures import draw_zoo, write_picture
from tests.study import tiny

UTKFACE = Path(__file__).resolve().parents[3] / "shared" / "data" / "utkface"


@pytest.fixture
def utkface(tmp_path):
    """Two pictures at each of ages 0 to 95, by their names."""
    for number, name in enumerate(utk(*(age for age in range(96) for _ in range(2)))):
        write_picture(tmp_path / "utkface" / name, seed=number)
    return tmp_path / "utkface"


def test_decades_sets_the_ages_of_its_gap_aside(utkface, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run.main(["decades", "--data", str(utkface), "--dry-run"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "8 classes (0-9, 13-19, 20-29, 30-39, 40-49, 50-59, 60-69, 70-120)" in told
    assert "6 set aside for an age without a class" in told
    assert "24 trials in 4 arms: 12 design, 12 search" in told


def test_folders_has_the_classes_of_its_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    zoo = draw_zoo(tmp_path / "zoo", names=("ant", "bee"))
    assert run.main(["folders", "--data", str(zoo), "--dry-run"]) == 0
    assert "2 classes (ant, bee)" in " ".join(capsys.readouterr().out.split())
    assert run.main(["folders", "--dry-run"]) == 2
    problem = "classes folders: data/pictures has no two folders of images and no table of labels"
    assert problem in capsys.readouterr().err


def test_the_list_names_every_preset_without_reading_data(capsys):
    assert run.main(["--list"]) == 0
    told = capsys.readouterr().out
    assert "decades       24 trials  Does a loss that knows the order" in told
    assert "folders       24 trials  Which parts of training" in told


@pytest.mark.ray
@pytest.mark.skipif(not UTKFACE.is_dir(), reason="no ../shared/data/utkface")
def test_decades_of_real_faces_run_from_search_to_onnx(tmp_path):
    """On every twentieth picture, as links: what the whole set takes twenty minutes for."""
    faces = tmp_path / "faces"
    faces.mkdir()
    for path in sorted(UTKFACE.glob("*.jpg"))[::20]:
        (faces / path.name).symlink_to(path)
    small = ("--trials", "4", "--epochs", "1", "--size", "16")
    done = tiny.run(tmp_path, "decades", "--data", faces, *small)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "results" / "decades"
    predictions = pd.read_parquet(folder / "predictions.parquet")
    assert [c for c in predictions if c.startswith("p_")] == list(DECADES.columns)
    claims = pd.read_parquet(folder / "claims.parquet").set_index("claim")
    assert {"order_helps", "bcd_equal"} <= set(claims.index[claims["stage"] == "confirm"])
    model, table = folder / "models" / "soft_ordinal-bcd", tmp_path / "named.csv"
    assert predict.main([str(model), str(faces), "--out", str(table)]) == 0
    named = pd.read_csv(table)
    assert set(named["class"]) <= set(DECADES.names)
    assert "expected_years" in named
    assert export.main([str(model), "--out", str(tmp_path / "m.onnx")]) == 0
