"""The confirm stage's figures together, and how often the test split was looked at."""

from study.analysis import Predicted
from study.folder.tables import StudyTables
from study.report.confirm.arms import confirmed_arms_panel
from study.report.confirm.calibration import calibration_panel
from study.report.confirm.class_accuracy import class_accuracy_panel
from study.report.confirm.confusion import confusion_panel
from study.report.confirm.elsewhere import elsewhere_panel
from study.report.confirm.metrics import metrics_panel
from study.report.confirm.seeds import seeds_panel
from study.report.confirm.values import ConfirmedValues, looks_at_test
from study.report.panel import Panel


def confirm_panels(
    tables: StudyTables,
    confirmed: ConfirmedValues | None,
    predicted: Predicted | None,
) -> tuple[Panel, ...]:
    """What fresh seeds show; none where nothing was confirmed."""
    if confirmed is None:
        return ()
    found = [
        confirmed_arms_panel(tables, confirmed),
        seeds_panel(tables, confirmed),
        metrics_panel(tables, confirmed),
        class_accuracy_panel(tables, confirmed, predicted),
    ]
    if predicted is not None:
        found += [
            confusion_panel(predicted, split=confirmed.split),
            calibration_panel(tables, confirmed, predicted),
        ]
    elsewhere = elsewhere_panel(tables)
    return (*found, *([elsewhere] if elsewhere else []))


def looks_sentence(
    tables: StudyTables, confirmed: ConfirmedValues | None, predicted: Predicted | None
) -> str:
    """How often the test split was looked at, and what is missing."""
    if confirmed is None:
        return ""
    if confirmed.split == "val":
        text = "There is no test split here; all of this is on the validation split."
    else:
        looks = looks_at_test(tables)
        if len(looks) == 1:
            (look,) = looks
            text = f"The test split was looked at once, on {look['at']}, by {look['command']}."
        elif looks:
            text = f"The test split was looked at {len(looks)} times: " + "; ".join(
                f"{look['at']} by {look['command']}" for look in looks
            )
            text += ". Only the first look was at an untouched split."
        else:
            text = "How often the test split was looked at is not on record."
    if predicted is None:
        text += (
            " Confusion and calibration are not shown: predictions.parquet is not in this folder."
        )
    return text
