import json
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from agecls.recipe import Recipe
from study.asked.plans import PretrainPlan
from study.asked.study_file import load_study
from study.folder.tables import StudyTables, configurations, read_study
from study.report.page import render
from tests.study.report.browsing import Opened, settled, unfold
from tests.study.report.confirming import confirm_study
from tests.study.report.simulated import a_study, provenance, simulate, tables_of, written
from tests.study.report.written import write_report
from tests.test_committed_results import RESULTS, committed

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

DRAWN = """plot => [...plot.querySelectorAll(
  '.scatterlayer path, .barlayer path, .boxlayer path, .violinlayer path, .heatmaplayer image'
)].filter(mark => {
  const box = mark.getBoundingClientRect();
  return box.width + box.height > 1 && getComputedStyle(mark).visibility !== 'hidden';
}).length"""
"""Marks of traces that one could see in a figure; shapes, axes and texts are none."""

RANGES = "plot => ['xaxis', 'yaxis'].map(name => plot._fullLayout[name].range)"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a study of 60 trials in four arms, with a confirm stage."""
    study = a_study(trials=60, pretrain=PretrainPlan(data="synthetic-source", epochs=1))
    folder = tmp_path_factory.mktemp("results") / "demo"
    written(folder, study, *simulate(study, 60), provenance())
    accuracies = {"org-scratch": 0.5, "org-pretrained": 0.6, "bcd-scratch": 0.51}
    confirm_study(folder, accuracies | {"bcd-pretrained": 0.6}, n_images=240)
    return write_report(folder)


@pytest.fixture(scope="module")
def tables(report: Path) -> StudyTables:
    return read_study(report.parent)


@pytest.fixture(scope="module")
def opened(browser: Browser, report: Path) -> Iterator[Opened]:
    opened = Opened(browser, report, viewport={"width": 1280, "height": 900})
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield opened
    opened.page.close()


@pytest.fixture
def page(opened: Opened) -> Page:
    """The page with nothing selected, in the order in which it was written."""
    page = opened.page
    if page.is_visible("#clear"):
        page.click("#clear")
    if page.get_attribute("#limit", "open") is not None:
        page.click("#limit summary")
    settled(page)
    return page


def figures(page: Page) -> list[Any]:
    return page.query_selector_all("[data-figure]")


def shown(page: Page) -> int:
    """Trials that the page says it shows; the table must agree."""
    settled(page)
    n, of = re.findall(r"\d+", page.inner_text("#shown").replace("all ", "60 of "))
    assert of == "60"
    rows = page.inner_text("#page-rows")
    assert rows == "no trial" if n == "0" else rows.endswith(f" of {n}")
    return int(n)


def column(page: Page, name: str) -> list[str]:
    """The texts of one column of the table."""
    heads = [text.strip() for text in page.locator("#trial-table thead th").all_inner_texts()]
    place = next(i for i, head in enumerate(heads, start=1) if head.startswith(name))
    return page.locator(f"#trial-table tbody tr > :nth-child({place})").all_inner_texts()


def drag(page: Page, figure: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one point of a figure's axes, in their own numbers, to another one."""
    plot = page.locator(f"[data-figure={figure}]")
    plot.evaluate("plot => plot.scrollIntoView({ block: 'center' })")
    at = """(plot, [x, y]) => {
      const { xaxis, yaxis } = plot._fullLayout;
      const box = plot.getBoundingClientRect();
      const linear = (axis, value) => (axis.type === 'log' ? Math.log10(value) : value);
      const px = (axis, value) => axis._offset + axis.l2p(linear(axis, value));
      return [box.left + px(xaxis, x), box.top + px(yaxis, y)];
    }"""
    page.mouse.move(*plot.evaluate(at, start))
    page.mouse.down()
    page.mouse.move(*plot.evaluate(at, end), steps=3)
    page.mouse.up()
    settled(page)


def lines_of(page: Page, figure: str) -> set[int]:
    """Positions of the trials of which a figure shows points."""
    found = page.locator(f"[data-figure={figure}]").evaluate(
        """plot => plot.data.filter(trace => trace.visible !== false).flatMap(trace =>
          [...trace.meta.trials].filter((trial, i) => trial >= 0 && trace.y[i] !== null))"""
    )
    return set(found)


def test_the_page_says_nothing_on_the_console_and_asks_for_nothing_else(
    opened: Opened, report: Path
) -> None:
    assert opened.said == []
    assert opened.asked == [report.as_uri()]


def test_every_figure_has_drawn_marks(page: Page) -> None:
    marks = {f.get_attribute("data-figure"): f.evaluate(DRAWN) for f in figures(page)}
    assert {"lr", "curves", "parallel"} < set(marks)
    assert [name for name, n in marks.items() if n == 0] == []


def test_figures_without_marks_would_be_noticed(page: Page) -> None:
    plot = page.query_selector("[data-figure=lr]")
    assert plot is not None
    before = plot.evaluate(DRAWN)
    page.click("[data-arm=org-scratch]")
    settled(page)
    assert 0 < plot.evaluate(DRAWN) < before
    for arm in ("org-pretrained", "bcd-scratch", "bcd-pretrained"):
        page.click(f"[data-arm={arm}]")
    settled(page)
    assert plot.evaluate(DRAWN) == 0


def test_an_arm_that_is_switched_off_is_gone_from_figures_and_table(
    page: Page, tables: StudyTables
) -> None:
    page.focus("[data-arm=bcd-scratch]")
    page.keyboard.press("Space")
    assert shown(page) == (tables.trials["arm"] != "bcd-scratch").sum() < 60
    assert page.get_attribute("[data-arm=bcd-scratch]", "aria-pressed") == "false"
    assert "bcd-scratch" not in column(page, "arm")
    for plot in figures(page):
        drawn = plot.evaluate("p => p.data.filter(t => t.visible !== false).map(t => t.meta?.arm)")
        assert "bcd-scratch" not in drawn
    page.click("#clear")
    assert shown(page) == 60


def test_brushing_learning_rates_limits_everything(page: Page, tables: StudyTables) -> None:
    drag(page, "lr", (0.001, 50), (0.02, 40))
    trials = tables.trials
    inside = trials["config/lr"].between(0.001, 0.02)
    assert 5 < shown(page) == inside.sum() < 55
    assert page.inner_text("#conditions") == "lr 0.001 to 0.02 ×"
    for figure in ("lr", "curves", "parallel"):
        drawn = lines_of(page, figure)
        assert drawn
        assert drawn <= set(np.flatnonzero(inside))
    completed = inside & (trials["status"] == "completed")
    assert lines_of(page, "parallel") == set(np.flatnonzero(completed))
    page.click("#conditions button")
    assert shown(page) == 60


def test_a_selection_moves_no_axis(page: Page) -> None:
    before = page.locator("[data-figure=lr]").evaluate(RANGES)
    drag(page, "lr", (0.001, 50), (0.005, 40))
    assert page.locator("[data-figure=lr]").evaluate(RANGES) == before


def test_brushing_a_level_and_then_a_number_narrows_down(page: Page, tables: StudyTables) -> None:
    places = page.locator("[data-figure=parallel]").evaluate(
        "plot => Object.fromEntries(plot.layout.meta.brush.map(b => [b.column, b.at]))"
    )
    drag(page, "parallel", (places["optimizer"], 1.05), (places["optimizer"], 0.9))
    is_adamw = tables.trials["config/optimizer"] == "adamw"
    assert shown(page) == is_adamw.sum()
    assert set(column(page, "optimizer")) == {"adamw"}
    drag(page, "parallel", (places["val_accuracy"], 1.05), (places["val_accuracy"], 0.5))
    completed = tables.trials["status"] == "completed"
    values = tables.trials["val_accuracy"].fillna(0)
    middle = (values[completed].min() + values[completed].max()) / 2
    n = int((is_adamw & (values > middle)).sum())
    assert abs(shown(page) - n) <= 1  # a pixel may be worth a trial
    assert page.locator("#conditions button").count() == 2


def test_brushing_the_axis_of_arms_chooses_arms(page: Page) -> None:
    drag(page, "parallel", (0, 1.05), (0, 0.5))
    off = page.locator(".arm[aria-pressed=false]").all_inner_texts()
    assert [text.strip() for text in off] == ["org-scratch", "org-pretrained"]


def test_a_range_can_be_given_from_the_keyboard(page: Page, tables: StudyTables) -> None:
    page.focus("#limit summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("weight")
    page.keyboard.press("Tab")
    page.keyboard.type("1e-4")
    page.keyboard.press("Tab")
    page.keyboard.type("0.001")
    page.keyboard.press("Enter")
    inside = tables.trials["config/weight_decay"].between(1e-4, 1e-3)
    assert 5 < shown(page) == inside.sum() < 55
    assert lines_of(page, "lr") <= set(np.flatnonzero(inside))


def test_a_figure_that_cannot_follow_says_so(page: Page) -> None:
    assert page.locator(".apart:visible").count() == 0
    drag(page, "lr", (0.001, 50), (0.005, 40))
    for plot in figures(page):
        name = plot.get_attribute("data-figure")
        follows = plot.evaluate("plot => plot.data.some(trace => trace.meta?.trials)")
        assert page.is_visible(f"[data-apart='{name}']") is not follows


def test_the_table_is_searched_and_filtered(page: Page, tables: StudyTables) -> None:
    page.fill("#find", "ADAMW bcd-pre")
    trials = tables.trials
    found = (trials["config/optimizer"] == "adamw") & (trials["arm"] == "bcd-pretrained")
    assert 0 < shown(page) == found.sum()
    page.select_option("#status-filter", "stopped")
    assert shown(page) == (found & (trials["status"] == "stopped")).sum()
    page.fill("#find", "")
    assert shown(page) == (trials["status"] == "stopped").sum()
    page.select_option("#status-filter", "collapsed")
    assert shown(page) == trials["collapsed"].fillna(False).sum() > 0
    page.fill("#find", "loss is NaN at step 12")
    assert shown(page) == 0
    page.select_option("#status-filter", "failed")
    assert shown(page) == (trials["status"] == "failed").sum() > 0


def test_the_table_sorts_numbers_as_numbers_and_turns_pages(
    page: Page, tables: StudyTables
) -> None:
    page.click("[data-sort=lr]")
    assert page.get_attribute("th:has([data-sort=lr])", "aria-sort") == "descending"
    first = [float(text) for text in column(page, "lr")]
    assert len(first) == 50
    assert page.inner_text("#page-rows") == "rows 1 to 50 of 60"
    page.click("[data-turn=on]")
    assert page.inner_text("#page-rows") == "rows 51 to 60 of 60"
    every = first + [float(text) for text in column(page, "lr")]
    assert every == sorted(every, reverse=True)
    np.testing.assert_allclose(sorted(every), sorted(tables.trials["config/lr"]), rtol=0.01)
    page.keyboard.press("Enter")  # there is no more, and the button keeps the focus
    assert page.inner_text("#page-rows") == "rows 51 to 60 of 60"
    assert page.evaluate("document.activeElement.dataset.turn") == "on"
    page.click("[data-sort=lr]")
    assert page.get_attribute("th:has([data-sort=lr])", "aria-sort") == "ascending"
    assert [float(text) for text in column(page, "lr")] == sorted(every)[:50]
    page.click("[data-sort=zero_gamma]")  # absent levels come last, whatever the direction
    page.click("[data-turn=last]")
    assert set(column(page, "zero_gamma")) == {"–"}


def test_copied_configurations_are_those_of_the_trials(
    page: Page, tables: StudyTables, tmp_path: Path
) -> None:
    study_file = tables.folder / "study.toml"
    page.click("[data-sort=number]")
    for format in ("json", "toml"):
        page.select_option("#copy-as", format)
        for place in (0, 7, 30):
            number = int(column(page, "trial")[place])
            page.locator("#trial-table [data-row]").nth(place).click()
            text = page.evaluate("navigator.clipboard.readText()")
            row = tables.trials[tables.trials["number"] == number]
            expected = configurations(row)[0]
            if format == "json":
                recipe = Recipe.from_dict(json.loads(text))
                assert recipe == Recipe.from_dict(
                    {**expected, "seed": int(row["seed"].iloc[0]), "epochs": 9}
                )
                continue
            (included,) = tomllib.loads(text)["include"]
            assert included.items() <= expected.items()
            study = tmp_path / f"again{place}.toml"
            study.write_text(study_file.read_text() + "\n" + text)
            assert load_study(study).included[-1] == included


@pytest.fixture(scope="module")
def untouched(browser: Browser, report: Path) -> Iterator[Page]:
    """The page in dark, as it opens; tests of it leave it so."""
    opened = Opened(browser, report, viewport={"width": 1280, "height": 900}, color_scheme="dark")
    yield opened.page
    opened.page.close()


def test_without_scripts_the_first_rows_read_the_same(
    browser: Browser, report: Path, untouched: Page
) -> None:
    plain = browser.new_page(java_script_enabled=False)
    plain.goto(report.as_uri())
    plain.click("#trials > details > summary")
    rows = [p.locator("#trial-table tbody tr").all_inner_texts() for p in (plain, untouched)]
    plain.close()
    assert len(rows[0]) == 50
    assert rows[0] == rows[1]


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_nothing_is_wider_than_the_window_and_axe_finds_nothing_serious(
    browser: Browser, report: Path, scheme: str, width: int
) -> None:
    opened = Opened(browser, report, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach(d => (d.open = true))")
    page.click("[data-arm=org-scratch]")
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    found, n_passed = violations(page, "document")
    page.close()
    assert found == []
    assert n_passed > 20  # it did look
    assert opened.said == []


def violations(page: Page, where: str) -> tuple[list[str], int]:
    """What axe-core calls serious or critical, with the elements, and how many rules held.

    The drawings inside figures are left out: to a screen reader each is one picture with a text.
    """
    page.evaluate(AXE)
    result = page.evaluate(
        f"axe.run({{ include: [{where}], exclude: ['.plot-container'] }},"
        " { resultTypes: ['violations'] })"
    )
    found = [
        f"{v['id']}: {v['help']}: " + "; ".join(n["html"][:200] for n in v["nodes"][:5])
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    return found, len(result["passes"])


def test_axe_would_notice(page: Page) -> None:
    page.evaluate(
        "document.querySelector('#shown').insertAdjacentHTML("
        "'afterend', '<p id=pale style=\"color:#ddd;background:#fff\">pale</p>')"
    )
    found, _ = violations(page, "'#selection'")
    assert [text.split(":")[0] for text in found] == ["color-contrast"]
    page.evaluate("document.querySelector('#pale').remove()")


def test_a_printed_page_is_light_and_its_figures_fit_on_paper(untouched: Page) -> None:
    page = untouched
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    settled(page)
    widths = page.locator("svg.main-svg").evaluate_all(
        "all => all.map(svg => svg.getBoundingClientRect().width)"
    )
    assert max(widths) <= 690
    ink = "getComputedStyle(document.querySelector('[data-figure=lr] .xtick text')).fill"
    assert page.evaluate(ink) == "rgb(28, 33, 39)"
    page.emulate_media(media="screen", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    settled(page)
    assert page.evaluate(ink) == "rgb(232, 234, 237)"


@pytest.fixture
def folded(browser: Browser, report: Path) -> Iterator[Page]:
    """The page as it opens, on a laptop."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    page.goto(report.as_uri())
    settled(page)
    yield page
    page.close()


HEIGHT = "document.documentElement.scrollHeight"

LENGTHS = [(1440, 900, 4), (390, 844, 8)]
"""Width and height of a laptop's and a phone's screen, and how many of them a page may take."""


@pytest.mark.parametrize(("width", "height", "most"), LENGTHS)
def test_the_folded_page_is_a_few_screens_long(
    folded: Page, width: int, height: int, most: int
) -> None:
    folded.set_viewport_size({"width": width, "height": height})
    assert folded.evaluate(HEIGHT) <= most * height


@pytest.mark.parametrize("name", committed())
def test_a_committed_report_is_as_short_and_answers_on_its_first_screen(
    browser: Browser, name: str
) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto((RESULTS / name / "report.html").as_uri())
    settled(page)
    for words in ("claim", "Recipe to use", "epochs trained"):
        assert bottom(page, words) <= 900
    for width, height, most in LENGTHS:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(HEIGHT) <= most * height
    page.close()


def bottom(page: Page, words: str) -> float:
    """Where the first line of the head with these words ends."""
    box = page.locator("header.top :is(h1, p)").filter(has_text=words).first.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


@pytest.mark.parametrize(
    "words",
    ["Does a loaded backbone", "claim", " % ", "Recipe to use in arm ", "epochs trained"],
    ids=["what was asked", "what holds", "how sure", "which recipe to use", "what it cost"],
)
def test_the_first_screen_answers_five_questions(folded: Page, words: str) -> None:
    assert bottom(folded, words) <= 900


def test_below_the_first_screen_one_figure_and_one_table_stand_open(folded: Page) -> None:
    figures = folded.locator("main figure:visible, main table:visible")
    ids = figures.evaluate_all("all => all.map(one => one.id || one.className)")
    assert ids == ["claims-figure", "arms"]


def test_a_link_opens_its_part_and_draws_its_figures(folded: Page) -> None:
    figure = folded.locator("[data-figure=importance]")
    assert figure.is_hidden()
    folded.click('nav a[href="#factors"]')
    folded.wait_for_selector("[data-figure=importance][data-state]")
    settled(folded)
    assert figure.evaluate(DRAWN) > 0
    assert folded.locator("#search > details").get_attribute("open") is None


def test_a_link_to_a_figure_opens_the_part_that_it_is_in(folded: Page) -> None:
    folded.evaluate("location.hash = '#survival'")
    folded.wait_for_selector("#search > details[open] [data-figure=survival][data-state]")
    assert folded.locator("#survival").is_visible()


def test_a_part_is_opened_from_the_keyboard(folded: Page) -> None:
    folded.focus("#data > details > summary")
    folded.keyboard.press("Enter")
    assert folded.locator("#data dl").first.is_visible()


def test_print_opens_every_part_and_folds_it_again(folded: Page) -> None:
    folded.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    settled(folded)
    parts = folded.locator("details.part")
    assert parts.count() > 8
    assert parts.evaluate_all("all => all.every(part => part.open)")
    assert all(plot.evaluate(DRAWN) for plot in folded.query_selector_all("#search [data-figure]"))
    folded.evaluate("window.dispatchEvent(new Event('afterprint'))")
    settled(folded)
    assert not parts.evaluate_all("all => all.some(part => part.open)")


def test_axe_finds_nothing_serious_in_the_folded_page(folded: Page) -> None:
    found, n_passed = violations(folded, "document")
    assert found == []
    assert n_passed > 20


def test_unfolding_draws_what_a_narrower_window_holds(folded: Page) -> None:
    unfold(folded)
    drawn, width = (
        folded.locator("[data-figure=curves] svg").first,
        "svg => svg.width.baseVal.value",
    )
    folded.evaluate("document.querySelector('#figures > details').open = false")
    folded.set_viewport_size({"width": 800, "height": 900})
    assert drawn.evaluate(width) > 800
    folded.click('nav a[href="#figures"]')
    deadline = time.time() + 60
    while drawn.evaluate(width) > 800 or drawn.evaluate(width) < 100:
        assert time.time() < deadline
        folded.wait_for_timeout(50)


def test_the_report_of_a_study_that_runs_reads_itself_anew_and_keeps_the_selection(
    browser: Browser, tmp_path: Path
) -> None:
    study, known = a_study(), provenance(finished=False)
    known["sessions"] = [{"started_at": "2026-01-02T03:04:05+00:00", "ended_at": None}]
    live = tmp_path / "live.html"
    live.write_text(
        render(tables_of(tmp_path, study, *simulate(study, 40), provenance=known)),
        encoding="utf-8",
    )
    now = time.time()
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.clock.install(time=now)
    page.goto(live.as_uri())
    page.clock.run_for(5000)
    assert page.is_visible("#live")
    page.evaluate("document.querySelectorAll('details.part').forEach(part => (part.open = true))")
    page.clock.run_for(5000)
    ranges = page.locator("[data-figure=lr]").evaluate(RANGES)
    page.click("[data-arm=org-scratch]")
    page.click("[data-sort=lr]")
    page.evaluate("window.marked = true")
    page.click("#pause")
    page.clock.run_for(70_000)
    assert page.evaluate("window.marked")  # not while it is paused
    page.click("#pause")
    with page.expect_navigation():
        page.clock.run_for(61_000)
    page.clock.run_for(5000)
    assert not page.evaluate("window.marked")
    assert page.get_attribute("[data-arm=org-scratch]", "aria-pressed") == "false"
    assert page.inner_text("#shown") == "Showing 30 of 40 trials"
    rates = [float(text) for text in column(page, "lr")]
    assert rates == sorted(rates, reverse=True)
    settled(page)
    assert page.locator("[data-figure=lr]").evaluate(RANGES) == ranges
    page.clock.set_system_time(now + 7200)
    page.reload()
    assert page.is_hidden("#live")  # it is old: nothing more will come
    page.close()
