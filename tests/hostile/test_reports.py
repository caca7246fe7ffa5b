"""Names that mean something to a page: in the report they are letters and nothing else."""

import json
import shlex
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from agecls.data.loading import Reading, load_data
from study.folder.tables import read_study
from study.report.__main__ import main
from study.report.page import render
from tests.agecls.pictures import picture_bytes, write_picture
from tests.hostile.cases import FRAGMENTS, NAMES, cases, try_out
from tests.hostile.results import write_results
from tests.study.report.simulated import provenance


class Skeleton(HTMLParser):
    """A page without its texts: elements with their attributes' names; and its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.comments = 0
        self.texts: list[str] = []
        self.programs: list[str] = []
        self.data: list[Any] = []
        self._script: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag, tuple(sorted(name for name, _ in attrs))] += 1
        for name, value in attrs:
            if name in ("href", "src", "action", "formaction"):
                assert value is not None
                assert value.startswith(("#", "data:image/")), value
        if tag == "script":
            self._script = dict(attrs).get("type") or "text/javascript"

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_comment(self, data: str) -> None:
        self.comments += 1

    def handle_data(self, data: str) -> None:
        if self._script == "text/javascript":
            self.programs.append(data)
        elif self._script is not None:
            self.data.append(json.loads(data))
        else:
            self.texts.append(data)


def named(summary: dict[str, Any], name: str) -> dict[str, Any]:
    """Provenance in which everything that a data root or a shell may name has this name."""
    known = provenance()
    known |= {"command": name, "machine": {"cpu": name}, "versions": {"torch": name}}
    known["data"] |= {"path": name, "fingerprint": name, "summary": summary}
    return known


def with_names(folder: Path, name: str) -> Skeleton:
    """The page of a results folder in which files, places and reasons have this name."""
    summary = provenance()["data"]["summary"]
    summary |= {"root": name, "layout": name, "splits": {"how": name}}
    summary["quarantined"] = {
        "bad": 1,
        "set_aside": 0,
        "first": [{"image_path": name, "where": name, "reason": name}],
    }
    (folder / "study.json").write_text(json.dumps(named(summary, name)))
    return Skeleton(render(read_study(folder)))


@cases(4, 30)
def test_no_name_adds_an_element_a_handler_or_a_script(n: int, tmp_path: Path) -> None:
    folder = write_results(tmp_path / "named", n=8)
    plain = with_names(folder, "plain")

    def check(name: str) -> None:
        page = with_names(folder, name)
        assert page.elements == plain.elements
        assert page.comments == plain.comments
        assert page.programs == plain.programs
        assert page.data == plain.data
        assert not [a for _, names in page.elements for a in names if a.startswith("on")]
        shown = "".join(page.texts).replace("\r\n", "\n").replace("\r", "\n")
        assert name.replace("\r\n", "\n").replace("\r", "\n") in shown

    try_out(n, check, name=NAMES)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Class folders of good pictures, and a bad one under each hostile name."""
    root = tmp_path / "faces"
    for number in range(40):
        write_picture(root / "ab"[number % 2] / f"{number}.png", number)
    for fragment in FRAGMENTS:
        name = fragment.replace("/", "∕").lstrip(".")
        (root / "a" / f"{name}.jpg").write_bytes(picture_bytes(0)[:60])
    return root


def test_file_names_on_disk_reach_the_report_as_letters(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = load_data(faces, Reading(size=16, max_bad_share=0.9))
    assert data.summary["quarantined"]["bad"] == len(FRAGMENTS)
    folder = write_results(tmp_path / "results" / "disk", n=8, known=named(data.summary, "plain"))

    assert main(["disk", "--out", str(tmp_path / "results")]) == 0

    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    page = Skeleton((folder / "report.html").read_text(encoding="utf-8"))
    tags = {tag for tag, _ in page.elements}
    assert not {"img", "iframe", "object", "embed", "link", "base"} & tags
    # the page's own form, which limits a setting and sends nothing: no action, no method
    assert [list(names) for tag, names in page.elements if tag == "form"] == [[]]
    assert not [a for _, names in page.elements for a in names if a.startswith("on")]
    text = "".join(page.texts)
    for row in data.summary["quarantined"]["first"]:
        assert row["image_path"].replace("\r", "\n") in text


def test_a_mark_that_turns_the_text_round_ends_with_its_own_name(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "turned", n=8)
    with_names(folder, "\u202egnp.exe")
    page = render(read_study(folder))
    # what the mark turns round stops where an element isolates its text
    style = page[page.index("<style>") : page.index("</style>")]
    assert "unicode-bidi: isolate" in style


@pytest.mark.parametrize("name", ["<b>{{7*7}}", "한국 'x' & \"y\"", "-rf $(touch x);"])
def test_a_folder_of_any_name_has_a_report_that_says_how_to_make_it_again(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path / name, n=8)
    assert main(["--out", str(tmp_path), "--", name]) == 0
    page = Skeleton((tmp_path / name / "report.html").read_text(encoding="utf-8"))
    again = next(text for text in page.texts if "study.run" in text and "-again" in text)
    for line in again.splitlines():
        assert shlex.split(line)[0] in ("git", "python")


def test_a_folder_whose_name_is_no_text_has_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "caf\udce9"  # Latin-1 bytes, as Python hands them over
    try:
        write_results(folder, n=8)
    except (OSError, UnicodeError):
        pytest.skip("the file system takes no such name")
    assert main([str(folder)]) == 0
    assert (folder / "report.html").is_file()
