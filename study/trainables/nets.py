"""Our recipe on images as what a job trains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agecls.data.arrays import TrainingArrays
from study.asked.factors import Config
from study.asked.study import Study
from study.plan.space import recipe_of
from study.running.search_state import Assignment
from study.running.steps import Backbones, Images


@dataclass(frozen=True, kw_only=True)
class Nets:
    """See `study.running.executor.Work`.

    Attributes:
        data: Shared by all trials; with its folds where the plan's trials have some.
        weights: From a configuration to the source of its weights; None: scratch.
        backbones: Contents of the sources that are files: they travel with the data.
    """

    data: TrainingArrays
    weights: Callable[[Config], str | None]
    backbones: Backbones

    @property
    def trainer(self) -> None:
        """The executor's own."""

    def shared(self, scored: Mapping[str, Images] | None) -> dict[str, Any]:
        """Images and weights, in the form that Ray maps into each process."""
        backbones = {
            source: {
                name: content if isinstance(content, np.ndarray) else np.frombuffer(content, "u1")
                for name, content in files.items()
            }
            for source, files in self.backbones.items()
        }
        return {"data": self.data, "backbones": backbones, "scored": scored}

    def told(self, study: Study, assignment: Assignment) -> dict[str, Any]:
        """The recipe, and where its weights come from."""
        recipe = recipe_of(study, assignment.config, assignment.root)
        return {"recipe": recipe.to_dict(), "weights": self.weights(assignment.config)}
