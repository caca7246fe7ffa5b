"""The commands beside the main job on hostile input: a status, and one line on standard error."""

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from agecls.audit.__main__ import main as audit
from agecls.export import main as export
from agecls.predict import main as predict
from agecls.pretrain import main as pretrain
from study.confirm import main as confirm
from tests.agecls import kept
from tests.agecls.pictures import write_picture
from tests.hostile.cases import EDITS, FRAGMENTS, JSON, NAMES, Edit, cases, damaged, try_out
from tests.hostile.commands import BAD_DATA, Command, status_and_line
from tests.hostile.results import write_results
from tests.hostile.test_weights import POSES, Trap

MakeWords = Callable[[str, Path], list[str]]

TOOLS: dict[str, tuple[Command, MakeWords]] = {
    "audit": (audit, lambda name, out: ["--out", str(out / "page.html"), "--", name]),
    "predict": (predict, lambda name, out: ["--", name, str(write_picture(out / "1.png"))]),
    "export": (
        export,
        lambda name, out: ["--card-only", "--out", str(out / "x.onnx"), "--", name],
    ),
    "pretrain": (pretrain, lambda name, out: ["--out", str(out / "x.safetensors"), "--", name]),
    "confirm": (confirm, lambda name, out: ["--out", str(out), "--", name]),
}


@pytest.mark.parametrize("tool", TOOLS)
@cases(10, 100)
def test_a_name_that_leads_nowhere_is_refused_in_one_line_that_shows_it(
    n: int, tool: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, make_words = TOOLS[tool]
    write_picture(tmp_path / "1.png")
    before = {path.name for path in tmp_path.iterdir()}

    def check(name: str) -> None:
        status, complaint = status_and_line(
            command, make_words(f"{tmp_path}/no/{name}", tmp_path), capsys
        )
        assert status == 2
        assert "/no/" in complaint
        assert {path.name for path in tmp_path.iterdir()} == before

    try_out(n, check, name=st.one_of(NAMES, st.text(min_size=1).filter(lambda t: "\0" not in t)))


@pytest.mark.parametrize("tool", TOOLS)
def test_an_empty_folder_is_refused_in_one_line_that_names_it(
    tool: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, make_words = TOOLS[tool]
    (tmp_path / "<b>empty").mkdir()
    status, complaint = status_and_line(
        command, make_words(str(tmp_path / "<b>empty"), tmp_path), capsys
    )
    assert status == 2
    assert "<b>empty" in complaint


@pytest.mark.parametrize("command", [audit, predict, export, pretrain, confirm])
@pytest.mark.parametrize("words", [[], ["--unknown", "a\nb"], ["--out"]])
def test_wrong_usage_is_one_line(
    command: Command, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status, complaint = status_and_line(command, words, capsys)
    assert status == 2
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("tool", ["audit", "pretrain"])
@pytest.mark.parametrize("make", BAD_DATA)
def test_bad_data_are_reported_on_or_refused_in_one_line(
    tool: str,
    make: Callable[[Path], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(tmp_path / "bad data")
    command, make_words = TOOLS[tool]
    status, complaint = status_and_line(
        command, make_words(str(tmp_path / "bad data"), tmp_path), capsys
    )
    # an audit says what is wrong with data that can be read at all
    assert status == 2 or (tool == "audit" and (tmp_path / "page.html").exists())
    assert status == 0 or "bad data" in complaint


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--out", "x.pt"], "x.pt"),
        (["--out", "{secret}.safetensors"], "{secret}"),
        (["--out", "{.safetensors"], "{.safetensors"),
        (["--variant", "org,bcd"], "{variant}"),
        (["--variant", "<b>"], "<b>"),
        (["--lr", "nan"], "lr"),
        (["--lr", "-1"], "lr"),
        (["--seed", "-1"], "--seed"),
        (["--epochs", "0"], "--epochs"),
        (["--size", "9" * 5000], "--size"),
        (["--device", "warp"], "--device warp"),
        (["--weights", "no\nsuch.pt"], "no\\nsuch.pt"),
        (["--time-budget", "soon"], "--time-budget"),
    ],
)
def test_a_wrong_option_of_pretraining_is_named(
    words: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for letter in "ab":
        for number in range(4):
            write_picture(tmp_path / "set" / letter / f"{number}.png", 9 * number + ord(letter))
    usual = [] if words[0] == "--out" else ["--out", str(tmp_path / "x.safetensors")]
    words = [str(tmp_path / "set"), "--size", "16", "--depth", "18", *usual, *words]
    status, complaint = status_and_line(pretrain, words, capsys)
    assert status == 2
    assert named in complaint


@pytest.mark.parametrize("pose", POSES)
def test_pretraining_never_runs_a_pickle_that_poses_as_weights(
    pose: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for letter in "ab":
        for number in range(4):
            write_picture(tmp_path / "set" / letter / f"{number}.png", 9 * number + ord(letter))
    evil = tmp_path / "evil.pt"
    evil.write_bytes(POSES[pose](Trap(tmp_path / "ran")))
    words = [str(tmp_path / "set"), "--size", "16", "--depth", "18", "--weights", str(evil)]
    status, complaint = status_and_line(
        pretrain, [*words, "--out", str(tmp_path / "x.safetensors")], capsys
    )
    assert status == 2
    assert "evil.pt" in complaint
    assert not (tmp_path / "ran").exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kept model's folder."""
    return kept.keep(kept.trained(), tmp_path_factory.mktemp("kept") / "arm")


def of_model(tool: str, folder: Path, root: Path) -> tuple[Command, list[str]]:
    write_picture(root / "1.png")
    if tool == "predict":
        return predict, [str(folder), str(root / "1.png"), "--out", str(root / "table.csv")]
    return export, [str(folder), "--card-only", "--card", str(root / "card.md")]


@pytest.mark.parametrize("tool", ["predict", "export"])
@cases(12, 150)
def test_any_value_anywhere_in_a_model_s_description_is_used_or_refused_in_one_line(
    n: int, tool: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(model, tmp_path / "arm"))
    described = json.loads((model / "model.json").read_text())
    recipe = [("recipe", name) for name in described["recipe"]]
    places = [*((name,) for name in described), *recipe, ("temperature",), ("metrics", "x")]

    def check(changes: list[tuple[tuple[str, ...], Any]]) -> None:
        content = json.loads(json.dumps(described))
        for place, value in changes:
            table = content if len(place) == 1 else content[place[0]]
            if isinstance(table, dict):
                table[place[-1]] = value
        (folder / "model.json").write_text(json.dumps(content))
        status, complaint = status_and_line(*of_model(tool, folder, tmp_path), capsys)
        assert status in (0, 2)
        assert status == 0 or "model.json" in complaint or "model.safetensors" in complaint

    change = st.tuples(st.sampled_from(places), JSON)
    try_out(n, check, changes=st.lists(change, min_size=1, max_size=2))


@pytest.mark.parametrize("tool", ["predict", "export"])
@cases(10, 120)
def test_a_damaged_model_is_refused_in_one_line_that_names_the_file(
    n: int, tool: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(model, tmp_path / "arm"))
    whole = (model / "model.safetensors").read_bytes()

    def check(edits: list[Edit], is_hashed: bool) -> None:
        data = damaged(whole, edits)
        (folder / "model.safetensors").write_bytes(data)
        described = json.loads((model / "model.json").read_text())
        if is_hashed:  # as one can who knows the format
            described["sha256"] = hashlib.sha256(data).hexdigest()
        (folder / "model.json").write_text(json.dumps(described))
        status, complaint = status_and_line(*of_model(tool, folder, tmp_path), capsys)
        if (
            is_hashed or data == whole
        ):  # other numbers are another model, as far as anyone can tell
            assert status in (0, 2)
        else:
            assert status == 2
        assert status == 0 or "model.safetensors" in complaint

    try_out(n, check, edits=EDITS, is_hashed=st.booleans())


@pytest.mark.parametrize("tool", ["predict", "export"])
@pytest.mark.parametrize("pose", POSES)
def test_a_pickle_that_poses_as_a_model_never_runs(
    tool: str, pose: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "arm").mkdir()
    (tmp_path / "arm" / "model.safetensors").write_bytes(POSES[pose](Trap(tmp_path / "ran")))
    (tmp_path / "arm" / "model.json").write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    status, complaint = status_and_line(*of_model(tool, tmp_path / "arm", tmp_path), capsys)
    assert status == 2
    assert "model.safetensors" in complaint
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("fragment", [f for f in FRAGMENTS if "/" not in f and f.strip()])
def test_pictures_of_any_name_are_predicted_and_their_names_come_back_letter_by_letter(
    fragment: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = write_picture(tmp_path / "pictures" / f"{fragment}.png")
    (tmp_path / "pictures" / f"{fragment}.jpg").write_bytes(b"no picture")
    out = tmp_path / "table.jsonl"
    words = [str(model), str(tmp_path / "pictures"), "--out", str(out)]
    status, complaint = status_and_line(predict, words, capsys)
    assert status == 0
    assert all(line.isprintable() for line in complaint.splitlines())
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    named = {row["path"]: row["error"] is None for row in rows}
    assert named == {str(picture): True, str(picture.with_suffix(".jpg")): False}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--out", "table.xlsx"], 2),
        (["--out", "{root}/1.png/table.csv"], 1),
        (["--contact-sheet", "{root}/1.png/sheet.png"], 1),
        (["--contact-sheet", "sheet.gif"], 2),
        (["--ensemble", "{root}/no-model"], 2),
        (["--device", "warp"], 2),
        (["--threads", "0"], 2),
        (["--margin", "nan", "--detect"], 2),
    ],
)
def test_a_wrong_option_of_prediction_is_one_line(
    words: list[str],
    status: int,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_picture(tmp_path / "1.png")
    filled = [word.format(root=tmp_path) for word in words]
    found, complaint = status_and_line(
        predict, [str(model), str(tmp_path / "1.png"), *filled], capsys
    )
    assert found == status
    assert complaint.splitlines()[-1].startswith("agecls.predict: ")


@pytest.mark.parametrize(
    "words", [["--out", "{root}/file/x.onnx"], ["--card", "{root}/file/x.md"]]
)
def test_an_export_to_a_place_that_cannot_be_is_one_line(
    words: list[str], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    filled = [word.format(root=tmp_path) for word in words]
    status, complaint = status_and_line(export, [str(model), "--card-only", *filled], capsys)
    assert status in (1, 2)
    assert str(tmp_path / "file") in complaint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("trials.parquet", b"PAR1PAR1"),
        ("study.toml", b"\xff\xfe"),
        ("study.toml", b"[study]\ntrials = 1_000_000\n"),
        ("study.json", b"[]"),
    ],
)
def test_confirming_a_damaged_study_names_the_file_before_anything_is_trained(
    name: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_results(tmp_path / "out" / "broken", n=8)
    (folder / name).write_bytes(content)
    status, complaint = status_and_line(
        confirm, ["broken", "--out", str(tmp_path / "out")], capsys
    )
    assert status == 2
    assert name in complaint


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--seeds", "0"], "--seeds"),
        (["--seeds", "9" * 5000], "--seeds"),
        (["--data", "no\nsuch"], "no\\nsuch"),
        (["--weights", "{secret}"], "{secret}"),
        (["--concurrency", "0"], "--concurrency"),
        (["--time-budget", "soon"], "--time-budget"),
    ],
)
def test_a_wrong_option_of_confirming_is_named(
    words: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path / "out" / "whole", n=8)
    status, complaint = status_and_line(
        confirm, ["whole", "--out", str(tmp_path / "out"), *words], capsys
    )
    assert status == 2
    assert named in complaint
