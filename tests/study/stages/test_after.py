"""A study that goes on from another one, from its file to the answer; nothing is trained."""

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from study.errors import StudyFileError
from study.folder.folder import Folder
from study.folder.tables import read_study
from study.report.head.digest import digest_of
from study.report.programs.answer import answer_json
from study.report.summary import summary
from study.run import _resolve, parser
from study.running.in_process import InProcess
from study.running.ray_session import Resources
from study.stages import jobs
from study.stages.session import Means
from tests.study import tiny
from tests.untrained import Untrained

CLAIM = """
[claims.bcd]
text = "BCD beats ORG"
factor = "variant"
better = "bcd"
worse = "org"
least = 1.0
"""


def resolved(*words: str | Path) -> tuple[Any, Path]:
    return _resolve(parser().parse_args([str(word) for word in words]))


def conduct(*words: str | Path) -> tuple[Path, str]:
    """What `study.run` does with these words, without Ray; the folder, and what is printed."""
    study, folder = resolved(*words)
    text = StringIO()
    means = Means(
        resources=Resources(), executor=InProcess(trainer=Untrained), command=["study.run"],
        console=Console(file=text, width=400),
    )  # fmt: skip
    jobs.main_job(study, Folder(folder), means)
    return folder, text.getvalue()


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of four trials in results/first, and next.toml, which goes on from it."""
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    file = tiny.write_study(tmp_path, trials=4)
    file.write_text(file.read_text() + CLAIM)
    folder, _ = conduct(file, "--name", "first")
    text = tiny.study_text(tmp_path / "faces", trials=8)
    kept = text[: text.index("[factors")]
    name = '[study]\nafter = "first"\n'
    (tmp_path / "next.toml").write_text(kept.replace("[study]\n", name))
    return folder


def test_an_earlier_study_is_gone_on_from_and_its_folder_is_read_once(
    first: Path, tmp_path: Path
) -> None:
    earlier = json.loads((first / "lock.json").read_text())
    folder, printed = conduct("next.toml")
    assert "After first (first, the best by val_accuracy): 3 factors, 1 claim and" in printed
    lock = json.loads((folder / "lock.json").read_text())
    assert lock["plan"]["after"]["sha256"] == earlier["sha256"]
    assert "bcd" in lock["claims"]
    known = json.loads((folder / "study.json").read_text())
    assert known["asked"]["[after] study"] == '"first"'
    trials = Folder(folder).trials()
    recipes = lock["plan"]["after"]["recipe"]
    of_search = [t for t in trials.values() if t.origin == "search"]
    assert [t.config["lr"] for t in of_search[: len(recipes)]] == [
        float(recipe["lr"]) for recipe in recipes
    ]
    told = json.loads(answer_json(folder))
    assert told["after"]["study"] == "first"
    assert [claim["carried_from"] for claim in told["claims"]] == ["first"]
    assert told["lock"]["state"] == "matches"
    text = summary(digest_of(read_study(folder)))
    assert "BCD beats ORG (carried on from first)" in text
    page = (folder / "report.html").read_text()
    assert "carried on from first" in page
    assert "Goes on from" in page

    shutil.rmtree(first)
    again, where = resolved("--resume", "next")
    assert (again.after.study, where) == ("first", folder)
    same, _ = resolved("next.toml", "--resume", "next")
    assert same == again
    with pytest.raises(
        StudyFileError, match=r"after: first: no such study, neither results/first"
    ):
        resolved("next.toml", "--name", "other")
