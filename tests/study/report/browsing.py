"""A report opened in the Chromium of this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser; the test is skipped where there is none, unless REQUIRE_BROWSER is set.

    `.ci/run` sets it: a missing browser is a failure there.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"no browser: none of {', '.join(NAMES)} is on PATH"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"{reason}, but REQUIRE_BROWSER is set")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # a container's root has no user namespaces to make a sandbox of; the page is our own
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page with what it said and asked for."""

    def __init__(self, browser: Browser, report: Path, **options: Any) -> None:
        self.page: Page = browser.new_page(**options)
        self.page.set_default_timeout(60_000)  # machines that test are busy
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(report.as_uri())
        unfold(self.page)


def unfold(page: Page) -> None:
    """Open every part of the page and wait until its figures are drawn."""
    settled(page)
    page.evaluate("document.querySelectorAll('details.part').forEach(part => (part.open = true))")
    page.wait_for_selector("[data-figure]:not([data-state])", state="detached")
    settled(page)


def settled(page: Page) -> None:
    """Wait until every figure shows the selection."""
    page.wait_for_selector("body[data-settled=true]", timeout=60_000)
