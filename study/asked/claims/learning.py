"""Nets of one level learn more often than those of another."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import Field

from study.asked.claim import Answer, Search
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.told import Told
from study.asked.toml_values import Table
from study.measure import Measure


class Keys(Table):
    """What its table may say beside what a `DifferenceClaim` may."""

    outcome: Literal["learned"] | None = Field(default=None)


@dataclass(frozen=True, kw_only=True)
class LearningClaim(DifferenceClaim):
    """Of a hundred nets with `better` at least `least` more learn than of those with `worse`."""

    outcome: Literal["learned"] = "learned"  # a field, for the fields of a claim are hashed

    spelled: ClassVar[str] = 'better, worse and least with outcome = "learned"'
    counts_learned: ClassVar[bool] = True
    exceeds: ClassVar[tuple[str, str]] = ("learns more often than", "learn more often than")
    settled_by: ClassVar[str] = "more design trials settle it"

    @classmethod
    def read(cls, told: Told) -> Self | None:
        """The claim that a table states; None where it states none of this form.

        Raises:
            StudyFileError: No trial can say anything about it.
        """
        if told.form != {"factor", "better", "worse", "least", "outcome"}:
            return None
        if "metric" in told.values:
            raise told.error("how often nets learn is no score; drop it, or outcome", "metric")
        return cls._of(told)

    @property
    def stated(self) -> dict[str, Any]:
        return {**super().stated, "outcome": self.outcome}

    @property
    def measure(self) -> Measure:
        return Measure("val_learned", is_named=True)

    def ask(self, search: Search[Answer]) -> Answer:
        return search.learned(*self.compares)
