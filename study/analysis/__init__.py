"""Which factors matter: effects whose intervals cover, on trials born analysable.

`conclude(folder)` writes what follows from a study's tables, `analyse(study, trials, epochs,
seed=...)` says what its search says. See README.md in this folder for what each answer assumes.

Names are loaded when they are first asked for: a module in here that reads tables only, as the
answer for programs does, need not wait for the estimators.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from study.analysis.conclusions import (
        Conclusions,
        conclude,
        conclude_from,
        forget,
        predicted_of,
        trained_of,
    )
    from study.analysis.confirm.predicted import Predicted
    from study.analysis.confirm.trained import TrainingTables
    from study.analysis.search.answers import Analysis, analyse

__all__ = [
    "Analysis",
    "Conclusions",
    "Predicted",
    "TrainingTables",
    "analyse",
    "conclude",
    "conclude_from",
    "forget",
    "predicted_of",
    "trained_of",
]


def __getattr__(name: str) -> Any:
    """A name of `__all__`, from the module that all of them come through."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("study.analysis.conclusions"), name)
