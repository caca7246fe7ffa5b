"""Which factors matter: effects whose intervals cover, on trials born analysable.

`conclude(folder)` writes what follows from a study's tables, `analyse(study, trials, epochs,
seed=...)` says what its search says. See README.md in this folder for what each answer assumes.
"""

from study.analysis.conclusions import (
    Conclusions,
    conclude,
    conclude_from,
    forget,
    predicted_of,
)
from study.analysis.models.predicted import Predicted
from study.analysis.search.answers import Analysis, analyse

__all__ = [
    "Analysis",
    "Conclusions",
    "Predicted",
    "analyse",
    "conclude",
    "conclude_from",
    "forget",
    "predicted_of",
]
