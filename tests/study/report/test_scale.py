"""Large studies, without training: how long their report takes, how big it is, when it is seen."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser

from study.asked.plans import PretrainPlan
from tests.study.report.browsing import Opened, settled
from tests.study.report.simulated import a_study, provenance, simulate, written
from tests.study.report.written import write_report

PAINTED = "performance.getEntriesByName('first-contentful-paint').map(paint => paint.startTime)"

ANSWERED = """() => {
  const start = performance.now();
  document.querySelector('[data-sort=lr]').click();
  const find = document.getElementById('find');
  find.value = 'adamw 64';
  find.dispatchEvent(new Event('input', { bubbles: true }));
  return performance.now() - start;
}"""
"""Milliseconds until a sorted and searched table stands in the page; figures follow later."""


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seconds", "rows"), [(10_000, 20, 10_000), (100_000, 60, 20_000)])
def test_the_report_of_a_large_study_is_quick_small_and_soon_seen(
    browser: Browser, tmp_path: Path, n: int, seconds: float, rows: int
) -> None:
    plan = PretrainPlan(data="synthetic-source", epochs=1)
    study = a_study(trials=n, epochs=10, pretrain=plan)
    trials, epochs = simulate(study, n)
    # four at a time, ten seconds each
    start = pd.Timestamp("2026-01-02", tz="UTC") + pd.to_timedelta(10 * (np.arange(n) // 4), "s")
    trials = trials.assign(started_at=start, ended_at=start + pd.Timedelta("9s"))
    folder = written(tmp_path / "large", study, trials, epochs, provenance())
    begin = time.perf_counter()
    path = write_report(folder)
    took = time.perf_counter() - begin
    assert path.stat().st_size <= 10_000_000
    opened = Opened(browser, path, viewport={"width": 1280, "height": 900})
    (painted,) = opened.page.evaluate(PAINTED)
    page = opened.page
    said, listed = page.inner_text("#shown"), page.inner_text("#trials")
    if rows < n:
        assert said == "Showing 20,000 of 20,000 trials listed, 100,000 in all"
        assert "n = 100,000 trials, too many for one page; here are 20,000" in listed
    else:
        assert said == "Showing all 10,000 trials"
        assert "n = 10,000 trials, all of them." in listed
    answered = page.evaluate(ANSWERED)
    assert page.locator("#trial-table tbody tr").count() == 50
    settled(page)
    assert opened.said == []
    page.close()
    assert (took <= seconds, painted <= 2000, answered <= 1000) == (True, True, True), (
        f"{took:.1f} s to write, {painted:.0f} ms to paint, {answered:.0f} ms to sort and search"
    )
