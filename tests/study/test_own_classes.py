"""Pictures of things that are no faces, from one command to a model that names them."""

import json
import re

import pandas as pd
import pytest

from agecls import export, predict
from tests.agecls.pictures import draw_zoo
from tests.study import tiny

pytestmark = pytest.mark.ray


def words_of(page):
    """What a person reads in a page."""
    without = re.sub(r"<script.*?</script>|<style.*?</style>", " ", page, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", without)


def test_folders_of_pictures_run_from_search_to_onnx_and_no_word_is_of_ages(tmp_path):
    zoo, asked = draw_zoo(tmp_path / "zoo"), tmp_path / "tiny.toml"
    asked.write_text(tiny.pictures_text(zoo, size=32, seeds=1))
    done = tiny.run(tmp_path, asked, "--classes", "folders")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "results" / "tiny"
    assert 'names = ["cat", "dog", "emu"]' in (folder / "study.toml").read_text()
    columns = pd.read_parquet(folder / "predictions.parquet").columns
    assert [c for c in columns if c.startswith("p_")] == ["p_cat", "p_dog", "p_emu"]
    metrics = set(pd.read_parquet(folder / "confirmed.parquet")["metric"])
    assert {"accuracy", "macro_f1", "recall"} <= metrics
    assert metrics.isdisjoint({"accuracy_1off", "mae", "qwk"})
    words = words_of((folder / "report.html").read_text(encoding="utf-8"))
    assert "How often is each class named right?" in words
    assert re.findall(r"\b(?:[Aa]ges?|[Yy]ears?)\b", words) == []

    model, table = folder / "models" / "org", tmp_path / "named.csv"
    assert json.loads((model / "model.json").read_text())["classes"] == ["cat", "dog", "emu"]
    assert predict.main([str(model), str(zoo / "emu"), "--out", str(table)]) == 0
    found = pd.read_csv(table)
    assert set(found["class"]) <= {"cat", "dog", "emu"}
    assert "expected_years" not in found
    assert export.main([str(model), "--out", str(tmp_path / "m.onnx")]) == 0
