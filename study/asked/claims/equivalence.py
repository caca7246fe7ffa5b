"""Two levels of a factor do alike."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import Field

from study.asked.claim import Region, Verdict
from study.asked.claims.told import Told
from study.asked.claims.two_levels import TwoLevelClaim
from study.asked.factors import Level
from study.asked.toml_values import LevelValue, Table
from study.quantities import capital, sides


class Keys(Table):
    """What its table may say."""

    equal: list[LevelValue] | None = None
    within: float | None = Field(default=None, gt=0.0, le=100.0)


@dataclass(frozen=True, kw_only=True)
class EquivalenceClaim(TwoLevelClaim):
    """The two levels of `factor` differ by less than `within` points, both tuned."""

    equal: tuple[Level, Level]
    within: float

    spelled: ClassVar[str] = "equal and within"

    @classmethod
    def read(cls, told: Told) -> Self | None:
        if told.form != {"factor", "equal", "within"}:
            return None
        asked = told.factors[told.values["factor"]]
        levels = [told.level(v, asked, "equal", n) for n, v in enumerate(told.values["equal"])]
        if len(levels) != 2 or levels[0] == levels[1]:
            raise told.error("expected two different levels", "equal")
        within = float(told.values["within"])
        return cls(**told.said, factor=asked.name, equal=(levels[0], levels[1]), within=within)

    @property
    def stated(self) -> dict[str, Any]:
        return {**super().stated, "equal": list(self.equal), "within": self.within}

    @property
    def region(self) -> Region:
        return -self.within, self.within

    @property
    def compares(self) -> tuple[str, Level, Level]:
        return self.factor, *self.equal

    @property
    def limit(self) -> str:
        return f"±{self.size(self.within)}"

    def settle(self, low: float, high: float) -> tuple[Verdict, str]:
        if -self.within < low and high < self.within:
            return "supported", f"the interval lies within ±{self.size(self.within)}"
        if low >= self.within or high <= -self.within:
            return "refuted", f"the interval lies outside ±{self.size(self.within)}"
        return "unresolved", (
            f"the interval reaches across {self.size(self.within)}: confirm with fresh seeds"
        )

    def whether(self) -> str:
        a, b = sides(self.factor, *self.equal)
        return f"Whether {a} and {b} differ by less than {self.size(self.within)}"

    def supported(self, value: str) -> str:
        a, b = sides(self.factor, *self.equal)
        return f"{capital(a)} and {b} differ by less than {self.size(self.within)}: {value}"

    def refuted(self, value: str) -> str:
        a, b = sides(self.factor, *self.equal)
        return f"{capital(a)} and {b} differ by more than {self.size(self.within)}: {value}"
