import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from study.analysis import Analysis, analyse
from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor
from study.asked.study import Study
from study.folder.tables import StudyTables
from study.report.look import DARK, arm_marks
from study.report.page import render
from study.report.panel import Placed
from tests.study.report.placing import panels_of, sections_of
from tests.study.report.simulated import (
    LR_ONLY,
    NO_EPOCHS,
    a_study,
    provenance,
    simulate,
    tables_of,
    trial,
)

EVIL = "<img src=x onerror=alert(1)>%{y}"


def analysed(folder: Path, study: Study, trials: pd.DataFrame, epochs: pd.DataFrame) -> Any:
    tables = tables_of(folder, study, trials, epochs, provenance=provenance())
    return tables, analyse(study, tables.trials, tables.epochs, seed=0)


def words(panel: Placed) -> str:
    cells = [] if panel.table is None else [" ".join(row) for row in panel.table.rows]
    return " ".join([panel.title, panel.reading, panel.note, panel.alt, *cells])


@pytest.fixture(scope="module")
def panels(tables: StudyTables, analysis: Analysis) -> list[Placed]:
    return panels_of(tables, analysis)


def test_each_figure_asks_a_question_and_says_n_and_what_is_left_out(panels: list[Placed]) -> None:
    assert len({panel.id for panel in panels}) == len(panels)
    for panel in panels:
        assert panel.title.endswith("?"), panel.title
        assert panel.reading.endswith("."), panel.reading
        if panel.figure is not None:
            assert "n = " in panel.note, panel.id
            assert len(panel.alt) > 40, panel.id
            assert panel.figure.data, panel.id
        elif panel.table is not None:
            assert "n = " in panel.note or "n held out" in panel.table.columns, panel.id
        if panel.table is not None:
            assert {len(row) for row in panel.table.rows} == {len(panel.table.columns)}


def test_figures_use_no_colour_without_a_dark_partner_and_no_arm_that_there_is_not(
    panels: list[Placed], tables: StudyTables
) -> None:
    for panel in panels:
        if panel.figure is None:
            continue
        text = panel.figure.to_json()
        assert set(re.findall(r'"(#[0-9a-f]{6}|#[0-9a-f]{3})"', text, re.I)) <= set(DARK)
        for trace in json.loads(text)["data"]:
            assert trace.get("meta", {}).get("arm", "org-scratch") in arm_marks(tables.study)


@pytest.mark.parametrize(
    "case",
    [
        "no trials",
        "one trial",
        "one arm",
        "all failed",
        "all collapsed",
        "nothing varied",
        "another metric",
        "only what a stranger wrote",
    ],
)
def test_an_unusual_study_has_sentences_instead_of_figures_and_no_error(
    tmp_path: Path, case: str
) -> None:
    study, rows, epochs = a_study(LR_ONLY), [trial(i) for i in range(3)], NO_EPOCHS
    if case == "no trials":
        rows = []
    if case == "one trial":
        rows = [trial(0)]
    if case == "one arm":
        study = a_study(LR_ONLY, claims=())
        drawn, epochs = simulate(study, 60)
        rows = drawn.to_dict("records")
    if case == "all failed":
        rows = [trial(i, status="failed", val_accuracy=None, error="boom") for i in range(3)]
    if case == "all collapsed":
        rows = [trial(i, collapsed=True, val_accuracy=0.2) for i in range(30)]
    if case == "nothing varied":
        study = a_study((Factor(name="lr", role="fixed", levels=(0.01,)),), claims=())
    if case == "another metric":
        study = a_study(LR_ONLY, metric="val_qwk", claims=())
        rates = [10 ** (-4 + i / 10) for i in range(40)]
        rows = [
            trial(i, val_qwk=0.5 + i % 7 / 10, **{"config/lr": r}) for i, r in enumerate(rates)
        ]
    if case == "only what a stranger wrote":
        columns = ("trial_id", "status", "val_accuracy", "config/lr")
        rows = [{c: trial(i)[c] for c in columns} for i in range(30)]
        for i, row in enumerate(rows):
            row |= {"config/lr": 10 ** (-4 + i / 10), "val_accuracy": 0.3 + i % 5 / 20}
    tables, analysis = analysed(tmp_path, study, pd.DataFrame(rows), epochs)
    for panel in panels_of(tables, analysis):
        assert panel.reading.endswith("."), panel.id
        assert not re.search(r"\bnan\b|<NA>|\bNone\b(?! of)", words(panel)), words(panel)
        if panel.figure is not None:
            panel.figure.to_json()


def test_a_study_of_nothing_but_noise_has_no_finding_in_its_words(tmp_path: Path) -> None:
    study = a_study(claims=())
    trials, _ = simulate(study, 160)
    # every trial is full length, and its value a draw of the same luck
    trials = trials.assign(status="completed", collapsed=False, origin="design", error=None)
    trials["epochs_run"] = trials["epochs_planned"]
    trials["val_accuracy"] = np.random.default_rng(1).normal(0.5, 0.01, size=len(trials))
    tables, analysis = analysed(tmp_path, study, trials, NO_EPOCHS)
    assert "matters" not in set(analysis.importance["verdict"])
    importance, interactions, marginals = panels_of(tables, analysis, ("factors",))
    assert importance.reading.startswith("No factor is shown to matter: ")
    assert interactions.reading.startswith("No pair is shown to matter: ")
    assert marginals.reading.startswith("No factor is shown to matter, so no slope here is")


def test_a_study_that_runs_is_spared_the_forest(
    tables: StudyTables, analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grown(*_: object, **__: object) -> pd.DataFrame:
        raise AssertionError("a forest was grown")

    monkeypatch.setattr("study.analysis.search.answers.other_importances", grown)
    known = provenance(finished=False) | {"sessions": [{"ended_at": None}]}
    running = replace(tables, provenance=known)
    fresh = replace(analysis)  # its others were not asked for yet
    assert panels_of(running, fresh, ("factors",))[0].figure is not None
    with pytest.raises(AssertionError, match="a forest was grown"):
        panels_of(tables, fresh, ("factors",))


def test_markup_in_names_and_levels_stays_text(tmp_path: Path) -> None:
    factors = (
        Factor(name="init", role="arm", levels=(EVIL, "b")),
        Factor(name=f"o{EVIL}", role="tuned", levels=(EVIL, "x")),
        *LR_ONLY,
    )
    claim = DifferenceClaim(name=EVIL, text=EVIL, factor="init", better=EVIL, worse="b", least=1)
    study = a_study(factors, claims=(claim,))
    trials, epochs = simulate(study, 80)
    start = pd.Timestamp("2026-01-01T00:00Z")
    trials["started_at"] = start + pd.to_timedelta(trials["number"], unit="s")
    trials["ended_at"] = trials["started_at"] + pd.Timedelta("9s")
    trials["node"] = EVIL
    tables, analysis = analysed(tmp_path, study, trials, epochs)
    drawn = [p.figure for p in panels_of(tables, analysis) if p.figure is not None]
    assert len(drawn) >= 7
    for figure in drawn:
        loaded = json.loads(figure.to_json())
        for trace in loaded["data"]:
            assert trace.pop("meta", {}).get("arm", EVIL) in (EVIL, "b")  # never shown
            # in a template `%{…}` would be filled in
            assert "%{y}" not in trace.get("hovertemplate", "")
        text = json.dumps(loaded)
        assert "<img" not in text.replace("\\u003c", "<")


def test_ten_thousand_trials_draw_no_more_than_a_few_hundred_kilobytes(tmp_path: Path) -> None:
    study = a_study(trials=10_000, epochs=10)
    trials, epochs = simulate(study, 10_000)
    start = pd.Timestamp("2026-01-01T00:00Z") + pd.to_timedelta(trials["number"] * 3, unit="s")
    trials["started_at"], trials["ended_at"] = start, start + pd.Timedelta("20s")
    tables, analysis = analysed(tmp_path, study, trials, epochs)
    began = time.process_time()
    found = panels_of(tables, analysis)
    assert time.process_time() - began < 10
    size = sum(len(p.figure.to_json()) for p in found if p.figure is not None)
    assert size < 600_000
    assert "1,000 of them" in next(p.note for p in found if p.id == "fit")


def test_the_page_has_each_panel_in_its_section_and_tables_below_their_figures(
    tables: StudyTables, analysis: Analysis, panels: list[Placed]
) -> None:
    page = render(tables, analysis=analysis)
    places = [page.index(f'<section id="{i}"') for i in ("factors", "figures", "search", "checks")]
    assert places == sorted(places)
    for panel in panels:
        assert page.count(f'<figure id="{panel.id}"') == 1
    stopping = page[page.index('<figure id="stopping"') :].split("</figure>")[0]
    assert '<th scope="col">Epochs saved</th>' in stopping
    table = next(panel.table for panel in panels if panel.id == "stopping")
    assert table is not None
    for row in table.rows:
        assert f'<th scope="row">{row[0]}</th><td>{row[1]}</td>' in stopping
    assert "factors" not in [s.part.id for s in sections_of(tables)]
