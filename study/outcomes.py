"""What may come of a training instead of a result, in words, for tables, terminal and report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from study.measure import Scale


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How trainings are spoken of, some of which brought nothing.

    Attributes:
        one: What one is called.
        many: What several are called.
        bring: What several do that bring something.
        came: What those did.
        folded: What folds are of.
        missed: What the others did.
        nowhere: Where those of compared arms do not meet.
        nothing: Why an arm says nothing none of whose trainings brought anything.
        gain: What does not make good that a side brings something less often.
        loses: Why a claim stays open that better scores alone would support.
        constant: Why nothing is told where trainings that are compared do not differ at all.
        alone: Why nothing is told of a single seed; None: something is, of its images.
    """

    one: str
    many: str
    bring: str
    came: str
    folded: str
    missed: str
    nowhere: str
    nothing: str
    gain: str
    loses: str
    constant: str
    alone: str | None

    def none_of(self, arms: Sequence[str]) -> str:
        """Why nothing is told where no training of these arms brought anything."""
        return f"no {self.one} of {', '.join(arms)} {self.nothing}"

    def apart(self, arms: Sequence[str]) -> str:
        """Why nothing is told where trainings of all arms that brought something never meet."""
        return f"{self.nowhere} {self.many} of all of {', '.join(arms)} {self.came}"

    def alike(self, n_seeds: int) -> str:
        """Why nothing is told where nothing varied."""
        return self.alone if self.alone is not None and n_seeds == 1 else self.constant

    def some_of(self, arm: str, came: Sequence[bool], *, are_left_out: bool) -> str:
        """How many of an arm's trainings brought nothing, and whether they count."""
        end = ", and are left out" if are_left_out else ""
        return f"{came.count(False)} of {len(came)} {self.many} of {arm} {self.missed}{end}"


NETS: Final = Outcomes(
    one="net",
    many="nets",
    bring="nets learn",
    came="learned",
    folded="train and validation",
    missed="hardly learned",
    nowhere="in fewer than two folds",
    nothing="learned anything: none is better than naming how common each class is, and such nets "
    "say nothing of a factor",
    gain="points among those that do",
    loses="a level surely learns less often, so that points alone do not support it",
    constant="nothing varied: all nets that are compared do alike, which is no certainty",
    alone=None,
)
"""Of nets that tell classes apart, from their probabilities."""

TRAININGS: Final = Outcomes(
    one="training",
    many="trainings",
    bring="trainings end with a score",
    came="ended with a score",
    folded="the examples",
    missed="failed or diverged",
    nowhere="on no seed, or in fewer than two folds,",
    nothing="ended with a score: all failed or diverged",
    gain="better scores of those that do",
    loses="a level surely fails more often, so that scores alone do not support it",
    constant="nothing varied: the trainings that are compared score alike whatever their seed, "
    "which is no certainty; does the function use its seed?",
    alone="one seed tells nothing of what another would do: confirm on two or more",
)
"""Where a metric on record is all that is known, which tells of none that it hardly learned."""


def outcomes_of(scale: Scale | None) -> Outcomes:
    """How to speak of the trainings of a study whose metric is read so (None: by its name)."""
    return NETS if scale is None else TRAININGS
