"""How often the test split was looked at."""

from typing import TYPE_CHECKING

from study.analysis.checks.recorded import looks_at_test
from study.folder.tables import StudyTables
from study.report.confirm.values import ConfirmedValues

if TYPE_CHECKING:  # what heads of reports need, loads no analysis
    from study.analysis import Predicted


def looks_sentence(
    tables: StudyTables, confirmed: ConfirmedValues, predicted: "Predicted | None"
) -> str:
    """How often the test split was looked at, and what is missing."""
    # with folds claims are judged on val, whether or not a test split was read beside it
    text = "Arms are compared on folds of train and validation. " if confirmed.has_folds else ""
    if not (confirmed.frame["split"] == "test").any():
        where = "" if confirmed.has_folds else "; all of this is on the validation split"
        text += f"There is no test split here{where}."
    else:
        looks = looks_at_test(tables)
        if len(looks) == 1:
            (look,) = looks
            text += f"The test split was looked at once, on {look['at']}, by {look['command']}."
        elif looks:
            text += f"The test split was looked at {len(looks)} times: " + "; ".join(
                f"{look['at']} by {look['command']}" for look in looks
            )
            text += ". Only the first look was at an untouched split."
        else:
            text += "How often the test split was looked at is not on record."
    if predicted is None:
        text += (
            " Confusion and calibration are not shown: predictions.parquet is not in this folder."
        )
    return text
