import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor, Range
from study.folder.tables import StudyTables
from study.measure import ACCURACY
from study.report.head.answer import best_arm
from study.report.head.digest import digest_of
from study.report.head.earlier import VAL_CLASSES
from study.report.page import render
from tests.study.report.confirming import confirm_study
from tests.study.report.simulated import (
    LR_ONLY,
    NO_EPOCHS,
    a_study,
    provenance,
    simplest_frame,
    simulate,
    tables_of,
    trial,
)
from tests.study.report.written import write_report

EVIL = "</script><img src=x onerror=alert(1)>\"'&amp;{{7654321*3}}$x$%{y}"


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the texts of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        (self.scripts if inside == "script" else self.texts).append(data)

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture(scope="module")
def page(tables: StudyTables) -> Elements:
    return Elements(render(tables))


def figures(page: Elements) -> list[dict[str, object]]:
    loaded = [json.loads(s) for s in page.scripts if s.startswith("{")]
    return [content for content in loaded if "layout" in content]


def test_the_report_is_one_file_that_asks_for_nothing_else(page: Elements) -> None:
    assert not page.named("link", "iframe", "object", "embed", "base", "img")
    assert all("src" not in attributes for attributes in page.named("script"))
    targets = [attributes["href"] for attributes in page.named("a")]
    assert targets
    assert all(str(target).startswith("#") for target in targets)
    policy = [m["content"] for m in page.named("meta") if "http-equiv" in m]
    assert policy == [
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data: blob:"
    ]


def test_plotly_is_there_once(page: Elements) -> None:
    assert sum("plotly.js v" in script for script in page.scripts) == 1


def test_headings_are_in_order_and_anchors_lead_somewhere(page: Elements) -> None:
    levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [a["id"] for _, a in page.found if "id" in a]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for a in page.named("a")} <= set(ids)
    referred = [a["aria-labelledby"] for _, a in page.found if "aria-labelledby" in a]
    assert set(referred) <= set(ids)


def test_every_figure_is_described_and_has_marks(page: Elements) -> None:
    plots = [a for a in page.named("div") if "data-figure" in a]
    assert [p["data-figure"] for p in plots] == ["lr", "curves", "parallel"]
    assert all(p["role"] == "img" and len(str(p["aria-label"])) > 40 for p in plots)
    assert len(figures(page)) == 3
    assert all(len(figure["data"]) >= 4 for figure in figures(page))  # type: ignore[arg-type]


def test_the_page_tells_question_progress_and_arms(page: Elements) -> None:
    text = " ".join("".join(page.texts).split())
    assert "Does a loaded backbone or a tweaked structure help on drawn faces?" in text
    assert "finished" in text
    assert "unfinished" not in text
    assert "Naming the commonest class every time would score 24.4 %." in text
    assert "python -m study.run demo --trials 48" in text


def words(html: str) -> str:
    return " ".join("".join(Elements(html).texts).split())


def test_the_first_screen_of_a_confirmed_study_answers_with_numbers(
    confirmed_tables: StudyTables,
) -> None:
    html = render(confirmed_tables)
    head = words(html[: html.index('<main id="main">')])
    assert re.search(
        r"✓ supported Pretrained beats scratch by \d\.\d points \[\d\.\d, \d+\.\d\] "
        r"\(5 fresh seeds each, test split\): supported\. confirm stage",
        head,
    )
    assert "confirmed on fresh seeds, test split" in head
    page = Elements(html)
    plots = [a["data-figure"] for a in page.named("div") if "data-figure" in a]
    assert plots.index("confirmed-arms") < plots.index("lr")
    ledger = words(html[html.index('id="claims"') : html.index('id="arms"')])
    assert ledger.index("Confirm stage:") < ledger.index("Search stage:")


def test_the_report_of_a_null_study_claims_nothing(folder: Path) -> None:
    arms = ("org-scratch", "org-pretrained", "bcd-scratch", "bcd-pretrained")
    confirm_study(folder, dict.fromkeys(arms, 0.5), seed=1)
    html = write_report(folder).read_text()
    text = words(html)
    assert "Whether pretrained beats scratch by at least 1 point is open" in text
    assert not re.search(r"(?<!Whether )(?i:pretrained beats)", text)
    assert "It is not told apart from" in text
    chips = re.findall(r'class="chip (\w+)"><span aria-hidden="true">.</span> (\w+)', html)
    assert {word for _, word in chips} & {"supported", "refuted"} == set()


def test_a_second_look_at_test_is_shown_on_the_first_screen(
    confirmed_tables: StudyTables,
) -> None:
    known = dict(confirmed_tables.provenance or {})
    twice = known | {"test_reads": known["test_reads"] * 2}
    html = render(replace(confirmed_tables, provenance=twice))
    head = html[: html.index('<main id="main">')]
    assert re.search(r'class="notice"[^>]*>The test split was looked at 2 times', head)


def test_the_earlier_study_is_shown_only_beside_its_own_faces(tables: StudyTables) -> None:
    assert "Earlier study" not in render(tables)
    known = provenance()
    known["data"]["summary"]["classes"]["val"] = dict(VAL_CLASSES)
    text = words(render(replace(tables, provenance=known)))
    assert "26.0 % ORG" in text
    assert "51.0 % TL-BCD" in text
    assert "one seed, no interval, on its test split of 1,504 images" in text


def test_an_unfinished_study_says_so(tables: StudyTables) -> None:
    text = render(replace(tables, provenance=provenance(finished=False)))
    assert "This study is unfinished." in text


@pytest.mark.parametrize(("ended", "looks_for_news"), [(None, True), ("2026-01-02", False)])
def test_only_the_report_of_a_study_that_runs_looks_for_news(
    tables: StudyTables, ended: str | None, looks_for_news: bool
) -> None:
    session = {"started_at": "2026-01-01", "ended_at": ended}
    known = provenance(finished=False) | {"sessions": [session]}
    html = render(replace(tables, provenance=known))
    assert ('<html lang="en" data-live=' in html) is looks_for_news
    assert ("This page looks for news every minute." in html) is looks_for_news
    known = provenance() | {"sessions": [session]}
    assert "data-live=" not in render(replace(tables, provenance=known)).split("<body>")[0]


def test_markup_in_any_text_stays_text(tmp_path: Path) -> None:
    factors = (
        Factor(name="init", role="arm", levels=(EVIL, "b")),
        Factor(name=f"o{EVIL}", role="tuned", levels=(EVIL, "x")),
        *LR_ONLY,
    )
    claim = DifferenceClaim(name=EVIL, text=EVIL, factor="init", better=EVIL, worse="b", least=1)
    study = a_study(factors, question=EVIL, name=EVIL, claims=(claim,))
    trials, epochs = simulate(study, 40)
    trials["error"] = EVIL
    known = provenance()
    known |= {"command": EVIL, "git_commit": EVIL, "machine": {EVIL: EVIL}}
    known["data"]["summary"] |= {"layout": EVIL, "root": EVIL, "images": {EVIL: 5}}
    known["data"]["summary"]["quarantined"]["first"] = [
        {"image_path": EVIL, "where": EVIL, "reason": EVIL}
    ]
    tables = tables_of(tmp_path, study, trials, epochs, provenance=known)
    html = render(tables)
    page = Elements(html)
    assert not page.named("img")
    assert not [a for _, a in page.found if any(name.startswith("on") for name in a)]
    assert str(7654321 * 3) not in "".join(page.texts)  # the template did not calculate
    assert EVIL in "".join(page.texts)
    # Plotly would make elements of tags in its texts
    for figure in figures(page):
        figure["layout"].pop("meta", None)  # type: ignore[attr-defined]  # names of columns
        for trace in figure["data"]:  # type: ignore[attr-defined]
            assert trace.pop("meta")["arm"] in (EVIL, "b")  # never shown
            assert "alert" not in trace.get("hovertemplate", "")
        assert "<img" not in json.dumps(figure)
        assert "&lt;img" in json.dumps(figure)


@pytest.mark.parametrize(
    "case", ["no trials", "one arm", "no rate", "all failed", "no provenance", "another metric"]
)
def test_an_unusual_study_still_has_a_report(tmp_path: Path, case: str) -> None:
    study, rows, known = a_study(LR_ONLY), [trial(0), trial(1)], provenance()
    expected = "compares arms here"
    if case == "no trials":
        rows, expected = [], "No trial has been completed, so there is nothing to compare yet."
    if case == "one arm":
        expected = "luck is part of being best."
    if case == "no rate":
        study = a_study((Factor(name="momentum", role="tuned", ranges=(Range(low=0, high=1),)),))
        rows = [{"config/momentum": i / 9} | trial(i) for i in range(9)]
        for row in rows:
            del row["config/lr"]
        expected = "The learning rate is not a factor of this study."
    if case == "all failed":
        rows = [trial(i, status="failed", val_accuracy=None, error="boom") for i in range(3)]
        expected = "no completed trial"
    if case == "no provenance":
        known, expected = {}, "Nothing about the data was recorded with this study."
    if case == "another metric":
        study = a_study(LR_ONLY, metric="val_qwk")
        rows = [trial(i, val_qwk=0.5 + i / 10) for i in range(2)]
        expected = "validation quadratic weighted kappa of a completed trial is 0.600"
    tables = tables_of(tmp_path, study, pd.DataFrame(rows), NO_EPOCHS, provenance=known)
    text = " ".join("".join(Elements(render(tables)).texts).split())
    assert expected in text
    assert "nan" not in text.lower().split()
    assert "<NA>" not in text


def test_missing_values_everywhere_leave_dashes_not_errors(tmp_path: Path) -> None:
    statuses = ("completed", "stopped", "failed", "interrupted")
    columns = ("trial_id", "number", "arm", "val_accuracy", "config/lr")
    rows = [{c: trial(i)[c] for c in columns} | {"status": s} for i, s in enumerate(statuses)]
    rows[1]["val_accuracy"] = np.nan
    tables = tables_of(tmp_path, a_study(LR_ONLY), pd.DataFrame(rows), NO_EPOCHS)
    text = "".join(Elements(render(tables)).texts)
    assert "<NA>" not in text
    assert "None" not in text
    assert not re.search(r"\bnan\b", text)


def test_the_report_is_written_into_the_folder(folder: Path) -> None:
    path = write_report(folder)
    assert path == folder / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    path.unlink()


def test_ten_thousand_trials_take_seconds_and_megabytes(tmp_path: Path) -> None:
    study = a_study(trials=10_000, epochs=10)
    trials, epochs = simulate(study, 10_000)
    tables = tables_of(tmp_path, study, trials, epochs, provenance=provenance())
    start = time.perf_counter()
    html = render(tables)
    assert time.perf_counter() - start < 20
    assert len(html.encode()) < 10_000_000


def test_what_was_varied_says_how_many_trials_were_drawn_by_design(tmp_path: Path) -> None:
    rows = [trial(n, origin="design" if n < 3 else "search") for n in range(7)]
    rows.append(trial(7, origin="scout"))  # comes on top of the trials
    study = a_study(LR_ONLY, claims=(), trials=7, design_share=0.4)
    page = render(tables_of(tmp_path, study, pd.DataFrame(rows), NO_EPOCHS))
    assert "40 % of them were to be drawn" in page
    assert "3 of the 7 in the table were." in page
    assert "7 trials and 1 scout: " in page


def test_the_simplest_recipe_stands_folded_below_the_arms_and_can_be_copied(
    tables: StudyTables,
) -> None:
    best = best_arm(digest_of(tables).arms, ACCURACY)
    assert best is not None
    page = Elements(render(tables.having(simplest=simplest_frame(best.arm))))
    ids = [attributes["id"] for attributes in page.named("section")]
    assert ids.index("recipe") == ids.index("arms") + 1
    place = [attributes.get("id") for _, attributes in page.found].index("recipe")
    fold = page.found[place + 1]
    assert fold == ("details", {"class": "part"})  # closed
    copied = [a["data-copy"] for a in page.named("button") if "Copy the recipe" in a.values()]
    lines = ["[[include]]", 'variant = "org"', 'init = "pretrained"', 'optimizer = "sgd"']
    lines += ["lr = 0.01", "weight_decay = 0.0005", "batch_size = 64"]
    assert copied == ["\n".join(lines)]
    text = " ".join("".join(page.texts).split())
    assert "weight_decay 0.002 0.0005 0.4 [-0.2, 0.9] points 0.96 moved" in re.sub(
        r"\s+", " ", " ".join(page.texts)
    )
    assert "stays: within 1 point with probability 0.30" in text
    assert "3 full-length trials in the arm (at least 8 are needed)" in text
