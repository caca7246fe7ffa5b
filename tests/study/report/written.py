"""The report of a study's folder, as `python -m study.report` writes it."""

from pathlib import Path

from study.analysis import conclude
from study.report.page import write_page


def write_report(folder: Path) -> Path:
    return write_page(conclude(folder))
