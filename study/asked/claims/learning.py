"""Nets of one level learn more often than those of another."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import Field

from study.asked.claim import Answer, Region, Search, Verdict
from study.asked.claims.difference import settle_above
from study.asked.claims.told import Told
from study.asked.claims.two_levels import TwoLevelClaim
from study.asked.levels import Level
from study.asked.toml_values import Table
from study.measure import Measure
from study.quantities import capital, sides

SPELLED: Final = 'better, worse and least with outcome = "learned"'


class Keys(Table):
    """What its table may say beside what a `DifferenceClaim` may."""

    outcome: Literal["learned"] | None = Field(default=None)


@dataclass(frozen=True, kw_only=True)
class LearningClaim(TwoLevelClaim):
    """Of a hundred nets with `better` at least `least` more learn than of those with `worse`."""

    better: Level
    worse: Level
    least: float
    outcome: Literal["learned"] = "learned"  # a field, for the fields of a claim are hashed

    counts_learned: ClassVar[bool] = True

    @classmethod
    def read(cls, told: Told) -> Self | None:
        """The claim that a table states; None where it states none of this form.

        Raises:
            StudyFileError: No trial can say anything about it.
        """
        values = told.values
        if told.form != {"factor", "better", "worse", "least", "outcome"}:
            return None
        if "metric" in values:
            raise told.error("how often nets learn is no score; drop it, or outcome", "metric")
        asked = told.factors[values["factor"]]
        better, worse = (told.level(values[key], asked, key) for key in ("better", "worse"))
        if better == worse:
            raise told.error("better and worse are the same level; change one")
        least = float(values["least"])
        return cls(**told.said, factor=asked.name, better=better, worse=worse, least=least)

    @property
    def stated(self) -> dict[str, Any]:
        levels = {"better": self.better, "worse": self.worse, "least": self.least}
        return {**super().stated, **levels, "outcome": self.outcome}

    @property
    def measure(self) -> Measure:
        return Measure("val_learned", is_named=True)

    @property
    def region(self) -> Region:
        return self.least, None

    @property
    def compares(self) -> tuple[str, Level, Level]:
        return self.factor, self.better, self.worse

    @property
    def limit(self) -> str:
        return self.size(self.least)

    def ask(self, search: Search[Answer]) -> Answer:
        return search.learned(*self.compares)

    def settle(self, low: float, high: float) -> tuple[Verdict, str]:
        return settle_above(
            self.least, low, high, self.size, settles="more design trials settle it"
        )

    def whether(self) -> str:
        better, worse = sides(self.factor, self.better, self.worse)
        asked = f" by at least {self.size(self.least)}" if self.least else ""
        return f"Whether {better} learns more often than {worse}{asked}"

    def supported(self, value: str) -> str:
        better, worse = sides(self.factor, self.better, self.worse)
        return f"{capital(better)} learns more often than {worse} by {value}"

    def refuted(self, value: str) -> str:
        better, worse = sides(self.factor, self.better, self.worse)
        asked = f" by the {self.size(self.least)} asked for" if self.least else ""
        return (
            f"{capital(better)} does not learn more often than {worse}{asked}: the difference is "
            f"{value}"
        )
