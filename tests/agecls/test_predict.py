import io
import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from agecls.predict import main
from agecls.use.onnx_model import check_images
from agecls.use.saved import load
from tests.agecls.kept import SIZE, keep, trained


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return keep(trained(), tmp_path_factory.mktemp("models") / "bcd")


@pytest.fixture
def faces(tmp_path):
    """A folder of eight drawn faces, the last two a level below."""
    folder = tmp_path / "faces"
    (folder / "more").mkdir(parents=True)
    for k, pixels in enumerate(check_images(SIZE)[-8:]):
        Image.fromarray(pixels).save(folder / ("more" if k > 5 else ".") / f"{k}.png")
    return folder


def test_csv_goes_to_standard_output_with_a_row_per_image(model, faces, capsys):
    assert main([str(model), str(faces)]) == 0
    out, err = capsys.readouterr()
    table = pd.read_csv(io.StringIO(out))
    assert len(table) == 8
    assert table["path"].str.endswith(".png").all()
    assert "crops of one face each" in err
    assert "not calibrated" in err
    assert "averaged with those of the mirrored picture" in err


@pytest.mark.parametrize(("option", "flip"), [("--flip", True), ("--no-flip", False)])
def test_who_says_whether_pictures_are_mirrored_is_obeyed(option, flip, model, faces, capsys):
    assert main([str(model), str(faces), option]) == 0
    out, err = capsys.readouterr()
    table = pd.read_csv(io.StringIO(out))
    expected = load(model).predict(table["path"].tolist(), flip=flip)
    np.testing.assert_allclose(table["p_a"], expected["p_a"].astype(float), atol=1e-6)
    assert "mirrored" not in err


def test_every_kind_of_table_holds_the_same(model, faces, tmp_path):
    tables = []
    for kind in ("csv", "parquet", "jsonl"):
        out = tmp_path / "new" / f"table.{kind}"
        assert main([str(model), str(faces), "--out", str(out), "--flip"]) == 0
        read = {"csv": pd.read_csv, "parquet": pd.read_parquet}.get(kind)
        tables.append(read(out) if read else pd.read_json(out, lines=True))
    expected = load(model).predict(tables[0]["path"].tolist(), flip=True)
    for table in tables:
        assert table["class"].tolist() == expected["class"].tolist()
        numbers = table.columns[3:-1]
        np.testing.assert_allclose(table[numbers], expected[numbers].astype(float), atol=1e-6)


def test_a_list_on_standard_input_patterns_and_files_are_taken_once(
    model, faces, monkeypatch, capsys
):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{faces / '1.png'}\n\n{faces / '0.png'}\r\n"))
    words = ["-", str(faces / "0.png"), str(faces / "**" / "*.png")]
    assert main([str(model), *words]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    names = [path.rpartition("/")[2] for path in table["path"]]
    assert names == ["1.png", "0.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png"]


def test_unusable_pictures_are_counted_and_kept_in_the_table(model, faces, capsys):
    (faces / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    assert main([str(model), str(faces)]) == 0
    out, err = capsys.readouterr()
    table = pd.read_csv(io.StringIO(out))
    assert table["error"].notna().sum() == 1
    assert "1 of 9 pictures could not be used" in err
    assert "broken.jpg" in err


def test_no_usable_picture_at_all_is_a_failure(model, faces, capsys):
    (faces / "broken.jpg").write_bytes(b"")
    assert main([str(model), str(faces / "broken.jpg")]) == 1
    out, err = capsys.readouterr()
    assert "the file is empty" in out
    assert "1 of 1" in err


def test_an_ensemble_is_said_and_is_the_mean(model, faces, tmp_path, capsys):
    other = keep(trained(seed=1), tmp_path / "other")
    assert main([str(model), str(faces / "0.png"), "--ensemble", str(other)]) == 0
    out, err = capsys.readouterr()
    assert "mean of 2 models" in err
    both = [load(folder).predict([faces / "0.png"])["p_d"][0] for folder in (model, other)]
    assert pd.read_csv(io.StringIO(out))["p_d"][0] == pytest.approx(np.mean(both), abs=2e-6)


def test_a_contact_sheet_is_drawn_on_request_and_says_that_it_shows_faces(
    model, faces, tmp_path, capsys
):
    sheet = tmp_path / "sheet.png"
    out = str(tmp_path / "t.csv")
    assert main([str(model), str(faces), "--out", out, "--contact-sheet", str(sheet)]) == 0
    assert "shows 8 of 8 pictures: faces" in capsys.readouterr().err
    with Image.open(sheet) as drawn:
        assert drawn.width > 8 * 112
        first = np.asarray(drawn.convert("RGB"))[8:120, 8:120].astype(float)
    with Image.open(faces / "0.png") as face:
        expected = np.asarray(face.resize((112, 112), Image.Resampling.BICUBIC), dtype=float)
    assert np.abs(first - expected).mean() < 2


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["MODEL", "nowhere.png"], "nowhere.png does not exist"),
        (["MODEL", "none*.png"], "nothing matches none"),
        (["MODEL", "EMPTY"], "has no image in it"),
        (["MODEL", "FACES", "--out", "table.xlsx"], "written as .csv, .parquet, .jsonl"),
        (["MODEL", "FACES", "--contact-sheet", "sheet.gif"], "is a .png or .jpg"),
        (["MODEL", "FACES", "--margin", "2"], "together with --detect"),
        (["MODEL", "FACES", "--device", "abacus"], "--device abacus cannot be used"),
        (["EMPTY", "FACES"], "holds no kept model"),
        (["MODEL", "-"], "standard input is empty"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    model, faces, tmp_path, monkeypatch, capsys, words, reason
):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    names = {"MODEL": str(model), "FACES": str(faces), "EMPTY": "empty"}
    assert main([names.get(word, word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("agecls.predict: ")
    assert reason in err
    assert err.count("\n") == 1


def test_a_table_that_cannot_be_written_is_status_1(model, faces, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(model), str(faces), "--out", str(tmp_path / "file" / "t.csv")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("agecls.predict: ")


def test_the_command_ends_quietly_when_its_reader_leaves(model, faces):
    code = f"{sys.executable} -m agecls.predict {model} {faces} 2>&1 >&3 | cat >&2"
    process = subprocess.Popen(
        ["bash", "-c", f"exec 3> >(exec true); sleep 0.2; {code}"],
        stderr=subprocess.PIPE,
        text=True,
    )
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert "Broken pipe" not in err


@pytest.mark.parametrize("module", ["predict", "pretrain", "export"])
def test_help_answers_in_half_a_second_and_version_is_there(module):
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", f"agecls.{module}", "--help"], capture_output=True, text=True
    )
    assert time.perf_counter() - started < 2  # a loaded machine; the imports are checked below
    assert "exit status: 0 done" in done.stdout
    code = (
        f"import sys, json; from agecls.{module} import parser; parser().format_help();"
        "print(json.dumps(sorted({'torch', 'pandas', 'numpy', 'PIL'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert json.loads(done.stdout) == [], done.stderr
    words = [sys.executable, "-m", f"agecls.{module}", "--version"]
    assert subprocess.run(words, capture_output=True, text=True).stdout.startswith("agecls ")
