"""A user's function as what a study trains: looked at before anything begins, then as work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agecls.data.folds import Folds
from study.asked.plans import Trainable
from study.asked.study import Study
from study.plan.streams import Stream, stream_seed
from study.running.search_state import Assignment
from study.running.steps import Images, Steps
from study.trainables.examples import fold_examples, read_examples
from study.trainables.found import check_call, fingerprint, load, located, sources
from study.trainables.steps import FunctionSteps


@dataclass(frozen=True, kw_only=True)
class Function:
    """The function of a study, found; nothing is imported before `check`.

    Attributes:
        asked: As the study file names it.
        fingerprint: SHA-256 of the text of its module.
        summary: For `study.json`; see `agecls.data.loading.FaceData`, which has one too.
    """

    asked: Trainable
    fingerprint: str
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study, *, near: Path) -> "Function":
        """That of a study, wherever its module lies now.

        Args:
            study: The resolved study.
            near: The study's folder, or its file's; see `study.trainables.found.located`.

        Raises:
            StudyFileError: There is none.
        """
        assert study.trainable is not None
        asked = located(study.trainable, near=near)
        return cls(asked=asked, fingerprint=fingerprint(asked))

    def check(self) -> None:
        """Import it, and refuse what cannot be called as a trial calls it.

        Raises:
            StudyFileError: It cannot.
        """
        check_call(self.asked.function, load(self.asked.function, self.asked.folder))

    @property
    def source(self) -> str:
        """Where its text stands, in words."""
        return sources(self.asked)

    def folds(self, study: Study) -> tuple[Folds, dict[str, Any]]:
        """The study's folds of its examples, the same in every stage, and what they hold.

        Raises:
            StudyFileError: It has no examples, or too few for them.
        """
        assert self.asked.examples is not None
        assert study.folds is not None
        examples = read_examples(self.asked.examples, self.asked.folder)
        seed = stream_seed(study, Stream.FOLDS)
        return fold_examples(examples, study.folds.k, seed=seed, function=self.asked.examples)


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Trials of a function; see `study.running.executor.Work`.

    Attributes:
        function: What is called.
        metric: The study's.
        folds: Of its examples; None: the plan's trials have none.
    """

    function: Function
    metric: str
    folds: Folds | None

    @property
    def trainer(self) -> Callable[..., Steps]:
        """What calls it."""
        return FunctionSteps

    def shared(self, scored: Mapping[str, Images] | None) -> dict[str, Any]:
        """Where the function lies and what its trials have in common."""
        assert scored is None  # a function has no probabilities
        return {
            "asked": self.function.asked,
            "fingerprint": self.function.fingerprint,
            "metric": self.metric,
            "folds": self.folds,
        }

    def told(self, study: Study, assignment: Assignment) -> dict[str, Any]:
        """The configuration as it is."""
        return {
            "config": dict(assignment.config),
            "seed": assignment.seed,
            "epochs": assignment.epochs_planned,
        }
