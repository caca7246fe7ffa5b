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
    trained_of,
)
from study.analysis.models.predicted import Predicted
from study.analysis.models.trained import Trained
from study.analysis.search.answers import Analysis, analyse

__all__ = [
    "Analysis",
    "Conclusions",
    "Predicted",
    "Trained",
    "analyse",
    "conclude",
    "conclude_from",
    "forget",
    "predicted_of",
    "trained_of",
]
