"""Nominal sets of 2 and of 100 classes from search to ONNX, in this process."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from agecls import export, predict
from study.confirm import main as confirm
from study.run import main as run
from study.running.in_process import InProcess
from tests.agecls.pictures import draw_zoo
from tests.study import tiny

OF_AN_ORDER = re.compile(r"qwk|mae$|1off")


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch, tmp_path):
    monkeypatch.setattr("study.running.tune_run.OnRay", lambda resources, **how: InProcess(**how))
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def ran(tmp_path: Path, names: list[str]) -> Path:
    """The folder of a study on a few drawn pictures of each of these classes."""
    draw_zoo(tmp_path / "zoo", names=names, n=14 if len(names) < 10 else 7)
    asked = tmp_path / "tiny.toml"
    text = tiny.pictures_text(tmp_path / "zoo", size=16, seeds=2)
    asked.write_text(text + '[classes]\nof = "folders"\n')
    assert run([str(asked), "--out", str(tmp_path / "results")]) == 0
    return tmp_path / "results" / "tiny"


def words_of(page: Path) -> str:
    """What a person reads in a page."""
    text = page.read_text(encoding="utf-8")
    without = re.sub(r"<script.*?</script>|<style.*?</style>", " ", text, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", without)


def scored_elsewhere(folder: Path, names: list[str]) -> str:
    """What the report says once other pictures of these classes were scored."""
    zoo = draw_zoo(folder.parent.parent / "elsewhere", names=names, n=3)
    (zoo / "holiday.txt").write_text("no picture")
    assert confirm([folder.name, "--out", str(folder.parent), "--external", f"other={zoo}"]) == 0
    external = pd.read_parquet(folder / "external.parquet")
    assert set(external["faces"]) == {"other"}
    assert {"accuracy", "macro_f1", "recall"} <= set(external["metric"])
    assert not {name for name in external["metric"] if OF_AN_ORDER.search(name)}
    on_all = external[(external["images"] == "all") & (external["metric"] == "accuracy")]
    assert set(on_all["n_images"]) == {3 * len(names)}
    assert external["is_seen"].eq(False).all()  # no weights had seen them
    return words_of(folder / "report.html")


@pytest.mark.parametrize("names", [["a", "b"], [f"kind-{k:02d}" for k in range(100)]])
def test_a_nominal_set_runs_from_search_to_onnx(names, tmp_path, capsys):
    folder = ran(tmp_path, names)
    said = capsys.readouterr()
    for kind in ("trials", "epochs", "confirm"):
        table = pd.read_parquet(folder / f"{kind}.parquet")
        of_an_order = [c for c in table.columns if OF_AN_ORDER.search(c)]
        assert len(of_an_order) >= 2  # the documented columns are there
        assert table[of_an_order].isna().all(axis=None)
        assert table.filter(regex="val_accuracy$").notna().all(axis=None)
    confirmed = pd.read_parquet(folder / "confirmed.parquet")
    has_top = len(names) > 10
    assert ("accuracy_top5" in set(confirmed["metric"])) == has_top
    assert set(confirmed["metric"]).isdisjoint({"qwk", "mae", "accuracy_1off"})
    assert set(confirmed.loc[confirmed["metric"] == "recall", "class"]) <= set(names)
    epochs = pd.read_parquet(folder / "epochs.parquet")
    assert epochs["val_accuracy_top5"].notna().all() == has_top

    words = scored_elsewhere(folder, names)
    assert "Do the models hold on other pictures?" in words
    assert ("another class named" in words) != has_top
    words += said.out + said.err + "".join(capsys.readouterr())
    unfit = r"\b(?:[Aa]ges?|[Yy]ears?|[Ff]aces?|[Ff]amil(?:y|ies)|[Pp]ersons?|kappa|class off)\b"
    assert re.findall(unfit, words) == []
    assert ("Most images are lost to the pairs" in words) == has_top

    model, table = folder / "models" / "bcd", tmp_path / "named.csv"
    described = json.loads((model / "model.json").read_text())
    assert described["classes"] == names
    assert (described["years"], described["ordered"]) == (None, False)
    assert not [name for name in described["metrics"] if OF_AN_ORDER.search(name)]
    assert predict.main([str(model), str(tmp_path / "zoo" / names[1]), "--out", str(table)]) == 0
    found = pd.read_csv(table)
    assert set(found["class"]) <= set(names)
    assert ("class_5" in found) == has_top
    assert export.main([str(model), "--out", str(tmp_path / "m.onnx")]) == 0
    card = (tmp_path / "m.md").read_text(encoding="utf-8")
    assert re.findall(unfit, card + capsys.readouterr().err) == []
    assert "# Classes of pictures: " in card
    assert f"| class {names[0]} | " in card
    assert ("others, which model.json names" in card) == has_top
