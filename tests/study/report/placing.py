"""The report's sections and figures of one study, for its tests."""

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.head.digest import digest_of
from study.report.panel import Placed
from study.report.parts import Given, Section
from study.report.sections import sections_data

OF_THE_ANALYSIS = ("factors", "search", "checks")


def sections_of(tables: StudyTables, analysis: Analysis | None = None) -> list[Section]:
    """The sections that the page of these tables has."""
    return sections_data(Given(digest=digest_of(tables), analysis=analysis))


def panels_of(
    tables: StudyTables, analysis: Analysis | None, parts: tuple[str, ...] = OF_THE_ANALYSIS
) -> list[Placed]:
    """The figures of some parts of the page."""
    sections = sections_of(tables, analysis)
    return [panel for s in sections if s.part.id in parts for panel in s.panels]
