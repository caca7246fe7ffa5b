"""The table of the checks, in the order in which they are listed everywhere."""

from typing import Final

from study.analysis.checks.check import Check, Checked
from study.analysis.checks.data import DATA
from study.analysis.checks.estimates import ESTIMATES
from study.analysis.checks.fresh_seeds import FRESH_SEEDS
from study.analysis.checks.record import RECORD
from study.analysis.checks.search import SEARCH
from study.analysis.checks.seen import Seen
from study.analysis.checks.training import TRAINING
from study.analysis.search.answers import Analysis
from study.folder.tables import StudyTables

CHECKS: Final[tuple[Check, ...]] = (
    *DATA,
    *SEARCH,
    *TRAINING,
    *ESTIMATES,
    *FRESH_SEEDS,
    *RECORD,
)
"""All of them; an order that later ones only add to."""


def run_checks(tables: StudyTables, analysis: Analysis | None = None) -> tuple[Checked, ...]:
    """What every check says of a study, in the table's order.

    Args:
        tables: What the study's folder holds.
        analysis: What the analysis found in them; without, what hangs on it is not applicable.
    """
    seen = Seen(tables=tables, analysis=analysis)
    found = tuple(check.on(seen) for check in CHECKS)
    if not tables.study.is_free:
        return found
    # those of images, classes and our recipe never apply to others' factors and metrics
    return tuple(one for one in found if one.outcome != "not applicable")
