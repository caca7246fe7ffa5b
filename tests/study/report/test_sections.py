from pathlib import Path

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.html import ASSETS
from study.report.page import render
from study.report.parts import FIGURES
from study.report.sections import PARTS
from tests.study.report.placing import sections_of

ROOMS = Path(__file__).parents[3] / "study" / "report"


def test_every_row_of_the_table_has_an_anchor_and_a_question_of_its_own() -> None:
    rows = [row for part in PARTS for row in part.figures]
    ids = [part.id for part in PARTS] + [row.id for row in rows]
    assert len(set(ids)) == len(ids)
    titles = [row.title for row in rows]
    assert len(set(titles)) == len(titles)
    assert all(title.endswith("?") for title in titles)
    for part in PARTS:
        assert (ASSETS / part.template).is_file(), part.id
        # a template of its own bears its question itself
        assert part.title.endswith("?") == (part.template == FIGURES), part.id
    places = [part.place for part in PARTS]
    assert places == sorted(places, key=("top", "linked", "bottom").index)


def test_every_figure_of_a_room_has_its_row() -> None:
    """Whatever a room exports as `…_panel` is drawn by the table, or by that of comparisons."""
    tables = (ROOMS / "sections.py").read_text() + (
        ROOMS / "compare" / "comparison.py"
    ).read_text()
    made = [
        line.removeprefix("def ").partition("(")[0]
        for path in ROOMS.glob("*/*.py")
        for line in path.read_text().splitlines()
        if line.startswith("def ") and "_panel(" in line and not line.startswith("def _")
    ]
    assert len(made) >= 24
    assert [name for name in made if tables.count(name) < 2] == []


ASKED_FOR = {"elsewhere", "folds", "hardly-learned", "influence"}
"""Figures of studies with other faces or folds."""


def test_the_page_has_the_sections_and_figures_of_the_table_in_its_order(
    confirmed_tables: StudyTables, analysis: Analysis
) -> None:
    found = sections_of(confirmed_tables, analysis)
    there = [
        part for part in PARTS if part.id not in ("findings", "recipe", "settled", "left-out")
    ]
    assert [section.part for section in found] == there
    page = render(confirmed_tables, analysis=analysis)
    anchors = [f'<section id="{section.part.id}"' for section in found]
    assert [page.count(anchor) for anchor in anchors] == [1] * len(anchors)
    places = [page.index(anchor) for anchor in anchors]
    assert places == sorted(places)
    links = [f'<a href="#{section.part.id}">{section.part.name}</a>' for section in found]
    assert " ".join(links) in page
    rows = [row.id for part in there for row in part.figures if row.id not in ASKED_FOR]
    assert [panel.id for section in found for panel in section.panels] == rows
    drawn = [page.index(f'<figure id="{id_}"') for id_ in rows]
    assert drawn == sorted(drawn)


def test_sections_without_figures_are_left_out(tables: StudyTables) -> None:
    assert [section.part.id for section in sections_of(tables)] == [
        "claims", "arms", "figures", "checks", "trials", "findings", "data", "provenance",
    ]  # fmt: skip


def test_fresh_seeds_come_before_everything_of_the_search(
    tables: StudyTables, confirmed_tables: StudyTables, analysis: Analysis
) -> None:
    searched = [section.part.id for section in sections_of(tables, analysis)]
    assert searched[2] == "factors"
    found = [section.part.id for section in sections_of(confirmed_tables, analysis)]
    assert found[:4] == ["claims", "arms", "confirm", "factors"]
