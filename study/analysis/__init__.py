"""Which factors matter: effects whose intervals cover, on trials born analysable.

`analyse(study, trials, epochs, seed=...)` is the way in. See README.md in this folder for what
each answer assumes.
"""

from study.analysis.models.predicted import Predicted
from study.analysis.on_disk import analyse_folder, predicted_of
from study.analysis.search.answers import Analysis, analyse

__all__ = ["Analysis", "Predicted", "analyse", "analyse_folder", "predicted_of"]
