"""What someone believed before the search, whatever form the belief has.

A form is a class in a file of `study.asked.claims`. It says how its table is spelled and read,
what it asks of the search, which two levels confirmed arms are to compare, where the truth lies
if it holds, and its sentences.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from study.asked.factors import Config, Level
from study.measure import Measure, Scale

Unit = Literal["points", "share"]
Verdict = Literal["supported", "refuted", "unresolved"]

Region = tuple[float | None, float | None]
"""Where the true difference lies if a claim holds: its two ends, None where it has none."""

Part = tuple[float, float]
"""Part of a number's range: low and high end, both included."""

Answer = TypeVar("Answer", covariant=True)


class Search(Protocol[Answer]):
    """What a search can be asked; each answer is an estimate in the claim's unit."""

    def levels(self, factor: str, first: Level, second: Level) -> Answer:
        """How much the first level of a factor exceeds the second, both tuned."""

    def learned(self, factor: str, first: Level, second: Level) -> Answer:
        """How much more often trials of the first level learn than those of the second."""

    def parts(self, factor: str, first: Part, second: Part, when: Config) -> Answer:
        """How much trials of the first part of a range end above those of the second."""

    def shares(self, first: str, second: str) -> Answer:
        """How much more of the variance the first factor has a part in than the second."""

    def elsewhere(self) -> Answer:
        """What models lose on other faces, of which no search knows anything."""


@dataclass(frozen=True, kw_only=True)
class Claim(ABC):
    """What every claim has.

    Attributes:
        name: Its key in the study file.
        text: The claim in its author's words.
        needs: Weights that the claim is about, as `[weights] source` spells them; a study that
            starts from others cannot test it. None: any.
        scale: Of the metric that its differences are of, where that is not told in points.
        metric: Column of the metric that it is judged on; None: the study's.
    """

    name: str
    text: str
    needs: str | None = None
    scale: Scale | None = None
    metric: str | None = None

    spelled: ClassVar[str]
    """The keys that make a table one of its form, for people."""
    unit: ClassVar[Unit] = "points"
    is_of_other_faces: ClassVar[bool] = False
    counts_learned: ClassVar[bool] = False
    """Whether it is about how often nets learn, and not about how good those are that do."""
    estimated: ClassVar[str] = "the difference"
    """What an estimate of it is called."""

    @property
    def measure(self) -> Measure:
        """How to read its differences, by name where their metric is its own."""
        return Measure(self.metric or "", self.scale, is_named=self.metric is not None)

    @property
    def judged_on(self) -> str | None:
        """What tables call what its numbers are points of; None: the study's metric."""
        return "learned" if self.counts_learned else self.metric

    def size(self, declared: float) -> str:
        """A difference that it declares, in words."""
        return self.measure.size(declared)

    @property
    @abstractmethod
    def stated(self) -> dict[str, Any]:
        """What its table in the study file says beside `text` and `needs`."""

    @property
    @abstractmethod
    def region(self) -> Region:
        """Where the true difference lies if the claim holds, in its unit."""

    @property
    def compares(self) -> tuple[str, Level, Level] | None:
        """A factor and the two levels of it whose difference it is about; None: something else.

        Where the factor is an arm, confirmed models can tell.
        """
        return None

    @property
    def varied(self) -> tuple[str, ...]:
        """Factors that have to vary for it to be tested."""
        return self.compares[:1] if self.compares else ()

    @property
    def named(self) -> Iterable[tuple[str, Level]]:
        """Factors with their levels that have to be there for it to be tested."""
        if self.compares:
            factor, first, second = self.compares
            yield from ((factor, first), (factor, second))

    @property
    def limit(self) -> str:
        """What its estimate is held against, in words."""
        raise NotImplementedError(f"no test holds {type(self).__name__} against a limit")

    def distance(self, estimate: float) -> float:
        """How far an estimate lies from the nearest end of the region, in the claim's unit."""
        return min(abs(estimate - end) for end in self.region if end is not None)

    @abstractmethod
    def ask(self, search: Search[Answer]) -> Answer:
        """The search's answer."""

    @abstractmethod
    def settle(self, low: float, high: float) -> tuple[Verdict, str]:
        """Verdict of the search and its reason from an interval in the claim's unit."""

    def about(self, subject: str) -> "Claim":
        """The same claim of a study whose pictures are these, such as `faces`, in its words."""
        return self

    @abstractmethod
    def whether(self) -> str:
        """The open question as a sentence begins, such as `Whether bcd beats org`."""

    @abstractmethod
    def supported(self, value: str) -> str:
        """The sentence of a supported claim; `value`: the estimate with its interval."""

    @abstractmethod
    def refuted(self, value: str) -> str:
        """The sentence of a refuted one."""
