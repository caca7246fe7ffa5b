import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from study.analysis import conclude
from study.asked.study_file import dump_study
from study.folder.tables import read_study
from study.report.compare.comparison import (
    Comparison,
    compare,
    default_path,
    render_comparison,
    write_comparison,
)
from study.report.compare.figures import arms_points, claims_points, rows_figure, shares_points
from study.report.head.digest import Digest, digest_of
from study.report.head.ledger import Entry, Standing
from study.report.look import marks_of
from tests.study.report.confirming import confirm_study
from tests.study.report.simulated import a_study

EQUAL = {"org-scratch": 0.5, "org-pretrained": 0.5, "bcd-scratch": 0.5, "bcd-pretrained": 0.5}
APART = {arm: 0.62 if "pretrained" in arm else 0.44 for arm in EQUAL}


@pytest.fixture(scope="module")
def folders(_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Pretraining is worth 18 points, then nothing; then a study that was only searched."""
    home = tmp_path_factory.mktemp("compared")
    found = []
    for name, worth in (("first", APART), ("second", EQUAL), ("third", None)):
        folder = home / name
        shutil.copytree(_folder, folder)
        if worth:
            confirm_study(folder, worth)
        conclude(folder)
        found.append(folder)
    return found[0], found[1], found[2]


@pytest.fixture(scope="module")
def digests(folders: tuple[Path, Path, Path]) -> list[Digest]:
    return [digest_of(read_study(folder)) for folder in folders]


@pytest.fixture(scope="module")
def comparison(digests: list[Digest]) -> Comparison:
    return compare(digests)


def test_a_claim_that_truly_moved_is_said_to_and_an_equal_one_is_not(
    digests: list[Digest],
) -> None:
    moved = compare(digests[:2])
    (move,) = moved.moves
    assert move.has_moved
    assert move.pair == "first → second"
    assert re.match(r"moved by -1\d\.\d points \[-\d+\.\d, -\d+\.\d\] \(confirm", move.sentence)
    assert moved.lead == (
        "1 claim has moved beyond the intervals, of 1 comparison that can be made; 1 verdict "
        "changed."
    )
    same = compare([digests[0], replace(digests[0], name="again")])
    assert same.lead.startswith("No claim has moved beyond the intervals")
    assert "no verdict changed" in same.lead


def test_each_study_is_held_against_the_first(comparison: Comparison) -> None:
    assert [move.pair for move in comparison.moves] == ["first → second", "first → third"]
    # the third was only searched: the search's answers are compared, and they are the same
    assert "(search stage)" in comparison.moves[1].sentence
    assert not comparison.moves[1].has_moved


def _saying(*verdicts: str) -> Digest:
    """A digest that matters by its claims alone: claim `c0` has the first verdict, and so on."""
    entries = []
    for i, verdict in enumerate(verdicts):
        standing = SimpleNamespace(verdict=verdict, is_settled=verdict != "unresolved")
        entries.append(
            Entry(
                name=f"c{i}", text=f"Claim {i}", claim=None, confirmed=(),
                searched=cast("Standing", standing),
            )
        )  # fmt: skip
    return cast("Digest", SimpleNamespace(claims=entries))


def test_what_all_studies_say_together_of_a_claim() -> None:
    first = _saying("supported", "refuted", "supported", "supported", "unresolved", "supported")
    second = _saying("supported", "refuted", "refuted", "unresolved", "unresolved")
    page = Comparison(
        studies={"a": first, "b": second}, moves=[], together="", lead="", caveats=[],
        changes={}, facts=[],
    )  # fmt: skip
    assert [str(together) for _, together, _ in page.claims] == [
        "supported in each",
        "refuted in each",
        "answered differently",
        "not settled in each",
        "not settled in each",
        "not asked in each",
    ]


def test_the_page_counts_what_holds_in_each(digests: list[Digest]) -> None:
    same = compare([digests[0], replace(digests[0], name="again")])
    assert same.together == "Of 1 claim asked in each study: 1 supported in each."
    moved = compare(digests[:2])
    assert same.together in render_comparison(same)
    assert moved.together == "Of 1 claim asked in each study: 1 not settled in each."


def test_what_was_asked_otherwise_is_listed(digests: list[Digest]) -> None:
    other = digests[1]
    study = replace(other.tables.study, epochs=12, question="Another one?")
    changed = replace(other, tables=replace(other.tables, study=study))
    lines = compare([digests[0], changed]).changes["second"]
    assert "[study] epochs: 9 became 12" in lines
    assert compare(digests[:2]).changes["second"] == []
    assert dump_study(a_study())  # what the lines are made of


def test_studies_of_one_name_are_told_apart_by_their_paths(
    digests: list[Digest], tmp_path: Path
) -> None:
    twin = replace(digests[0], tables=replace(digests[0].tables, folder=tmp_path / "x" / "first"))
    assert list(compare([digests[0], twin]).studies) == [
        str(digests[0].tables.folder), str(tmp_path / "x" / "first"),
    ]  # fmt: skip


def test_caveats_name_shared_and_different_images(digests: list[Digest]) -> None:
    assert any("the same images" in text for text in compare(digests[:2]).caveats)
    known = dict(digests[1].tables.provenance or {})
    known["data"] = dict(known["data"]) | {"fingerprint": "00"}
    other = replace(digests[1], tables=replace(digests[1].tables, provenance=known))
    assert any("different images" in text for text in compare([digests[0], other]).caveats)
    unknown = replace(digests[1], tables=replace(digests[1].tables, provenance=None))
    assert any("not on record" in text for text in compare([digests[0], unknown]).caveats)


def test_points_are_what_each_study_says(comparison: Comparison) -> None:
    claims = claims_points(comparison.studies)
    assert [(p.study, p.is_filled) for p in claims] == [
        ("first", True), ("second", True), ("third", False),
    ]  # fmt: skip
    arms = arms_points(comparison.studies)
    first = [p for p in arms if p.row == "org-pretrained"]
    assert [p.study for p in first] == ["first", "second", "third"]
    assert first[0].value > first[1].value + 8
    assert (first[2].low, first[2].is_filled) == (None, False)
    assert {p.row for p in shares_points(comparison.studies)} <= {
        f.name for f in a_study().factors if f.role != "fixed"
    }


def test_all_studies_share_one_axis_and_each_has_a_mark_of_its_own(
    comparison: Comparison,
) -> None:
    marks = marks_of(list(comparison.studies))
    assert len(set(marks.values())) == 3
    figure = rows_figure(arms_points(comparison.studies), marks, axis="accuracy (%)")
    assert {trace.xaxis for trace in figure.data} == {None}
    heights = [trace.y[0] for trace in figure.data]
    assert heights == sorted(heights)
    assert len(set(heights)) == len(heights)


def test_the_page_is_whole_and_escapes(comparison: Comparison) -> None:
    evil = "<script>alert(1)</script>"
    first, *others = comparison.studies.items()
    studies = {evil: first[1]} | dict(others)
    page = render_comparison(replace(comparison, studies=studies))
    assert evil not in page
    assert "What changed between these studies?" in page
    assert page.count("data-figure=") >= 2
    assert "src=" not in re.sub(r"<script>.*?</script>", "", page, flags=re.S)


def test_one_file_is_written_under_out(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    path = default_path(folders[:2], tmp_path / "new")
    assert path == tmp_path / "new" / "first-vs-second.html"
    assert write_comparison(folders[:2], path) == path
    assert path.read_text().startswith("<!doctype html>")
