"""Which factors matter: effects whose intervals cover, on trials born analysable.

`analyse(study, trials, epochs, seed=...)` is the way in. See README.md in this folder for what
each answer assumes.
"""

from study.analysis.answers import Analysis, analyse
from study.analysis.on_disk import analyse_folder

__all__ = ["Analysis", "analyse", "analyse_folder"]
