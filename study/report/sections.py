"""The figures of the report, in the sections that the page shows them in."""

from dataclasses import dataclass

from study.analysis import Analysis, Predicted
from study.folder.tables import StudyTables
from study.report.analysed import check_panels, factor_panels, search_panels
from study.report.checks.audit import majority_share
from study.report.confirm.panels import confirm_panels, looks_sentence
from study.report.confirm.values import ConfirmedValues
from study.report.panel import Panel
from study.report.trials.curves import curves_panel
from study.report.trials.learning_rate import learning_rate_panel
from study.report.trials.parallel import parallel_panel


@dataclass(frozen=True, kw_only=True)
class Section:
    """Figures that answer one question together.

    Attributes:
        id: Anchor in the page.
        name: What the page's list of parts calls it.
        title: The question.
        panels: In reading order; a section without any is left out.
        intro: A sentence before the figures.
    """

    id: str
    name: str
    title: str
    panels: tuple[Panel, ...]
    intro: str = ""


def sections_data(
    tables: StudyTables,
    *,
    analysis: Analysis | None,
    confirmed: ConfirmedValues | None = None,
    predicted: Predicted | None = None,
) -> list[Section]:
    """The figures by section, without sections that have none."""
    majority = majority_share(tables)
    found = [
        Section(
            id="confirm",
            name="Confirmed",
            title="What do fresh seeds say?",
            panels=confirm_panels(tables, confirmed, predicted),
            intro=looks_sentence(tables, confirmed, predicted),
        ),
        Section(
            id="factors",
            name="Factors",
            title="Which factors matter?",
            panels=factor_panels(tables, analysis) if analysis else (),
        ),
        Section(
            id="figures",
            name="Figures",
            title="What happened in the trials?",
            panels=(
                learning_rate_panel(tables, majority=majority),
                curves_panel(tables, majority=majority),
                parallel_panel(tables),
            ),
        ),
        Section(
            id="search",
            name="Search",
            title="What did searching and stopping bring?",
            panels=search_panels(tables, analysis) if analysis else (),
        ),
        Section(
            id="checks",
            name="Checks",
            title="How far can these numbers be trusted?",
            panels=check_panels(tables, analysis) if analysis else (),
        ),
    ]
    return [section for section in found if section.panels]
