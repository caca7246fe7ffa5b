"""The figures of the analysis, by the question that they answer together."""

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.checks.fit import fit_panel, imputation_panel
from study.report.checks.power import power_panel
from study.report.factors.importance import importance_panel
from study.report.factors.interactions import interactions_panel
from study.report.factors.marginals import marginals_panel
from study.report.panel import Panel
from study.report.search.best import best_panel
from study.report.search.collapse import collapse_panel
from study.report.search.fidelity import fidelity_panel
from study.report.search.stopping import stopping_panel
from study.report.search.survival import survival_panel
from study.report.search.timeline import timeline_panel


def factor_panels(tables: StudyTables, analysis: Analysis) -> tuple[Panel, ...]:
    """Which factors matter, together with which others, and how."""
    return (
        importance_panel(tables, analysis),
        interactions_panel(tables, analysis),
        marginals_panel(tables, analysis),
    )


def search_panels(tables: StudyTables, analysis: Analysis) -> tuple[Panel, ...]:
    """What the search did: its best, its collapses, its stopping, its time."""
    return (
        best_panel(tables, analysis),
        collapse_panel(tables, analysis),
        survival_panel(tables),
        stopping_panel(tables, analysis),
        fidelity_panel(tables, analysis),
        timeline_panel(tables),
    )


def check_panels(tables: StudyTables, analysis: Analysis) -> tuple[Panel, ...]:
    """How far the analysis can be trusted, and what it would take to know more."""
    return (
        fit_panel(tables, analysis),
        imputation_panel(tables, analysis),
        power_panel(tables, analysis),
    )
