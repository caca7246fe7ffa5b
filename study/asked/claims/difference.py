"""One level of a factor beats another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import Field

from study.asked.claim import Region, Verdict
from study.asked.claims.told import Told
from study.asked.claims.two_levels import TwoLevelClaim
from study.asked.factors import Level
from study.asked.toml_values import SideValue, Table
from study.quantities import capital, sides


class Keys(Table):
    """What its table may say."""

    better: SideValue = None
    worse: SideValue = None
    least: float | None = Field(default=None, ge=0.0, le=100.0)


@dataclass(frozen=True, kw_only=True)
class DifferenceClaim(TwoLevelClaim):
    """`better` exceeds `worse` by at least `least` points, both tuned."""

    better: Level
    worse: Level
    least: float

    spelled: ClassVar[str] = "better, worse and least"
    exceeds: ClassVar[tuple[str, str]] = ("beats", "beat")
    """What the better level does, and what it does not do, in words."""
    settled_by: ClassVar[str] = "confirm with fresh seeds"

    @classmethod
    def read(cls, told: Told) -> Self | None:
        """The claim that a table states; None where it states none of this form.

        Raises:
            StudyFileError: No trial can say anything about it.
        """
        values = told.values
        if told.form - {"when"} != {"factor", "better", "worse", "least"}:
            return None
        if isinstance(values["better"], tuple) or isinstance(values["worse"], tuple):
            return None  # parts of a range
        if "when" in values:
            raise told.error("only a claim about two ranges has it; drop it", "when")
        return cls._of(told)

    @classmethod
    def _of(cls, told: Told) -> Self:
        """The claim of a table that is of its form."""
        values = told.values
        asked = told.factors[values["factor"]]
        better, worse = (told.level(values[key], asked, key) for key in ("better", "worse"))
        if better == worse:
            raise told.error("better and worse are the same level; change one")
        return cls(
            **told.said,
            factor=asked.name,
            better=better,
            worse=worse,
            least=float(values["least"]),
        )

    @property
    def stated(self) -> dict[str, Any]:
        levels = {"better": self.better, "worse": self.worse}
        return {**super().stated, **levels, "least": self.least}

    @property
    def region(self) -> Region:
        return self.least, None

    @property
    def compares(self) -> tuple[str, Level, Level]:
        return self.factor, self.better, self.worse

    @property
    def limit(self) -> str:
        return self.size(self.least)

    def settle(self, low: float, high: float) -> tuple[Verdict, str]:
        return settle_above(self.least, low, high, self.size, settles=self.settled_by)

    def whether(self) -> str:
        better, worse = sides(self.factor, self.better, self.worse)
        asked = f" by at least {self.size(self.least)}" if self.least else ""
        return f"Whether {better} {self.exceeds[0]} {worse}{asked}"

    def supported(self, value: str) -> str:
        better, worse = sides(self.factor, self.better, self.worse)
        return f"{capital(better)} {self.exceeds[0]} {worse} by {value}"

    def refuted(self, value: str) -> str:
        better, worse = sides(self.factor, self.better, self.worse)
        asked = f" by the {self.size(self.least)} asked for" if self.least else ""
        denied = f"{capital(better)} does not {self.exceeds[1]} {worse}{asked}"
        return f"{denied}: the difference is {value}"


def settle_above(
    least: float, low: float, high: float, size: Callable[[float], str], *, settles: str
) -> tuple[Verdict, str]:
    """Verdict and reason of what is claimed to be `least` or more.

    Args:
        least: The smallest difference of interest.
        low: Lower end of the interval.
        high: Upper end.
        size: Such a difference in words.
        settles: What would settle it.
    """
    if low >= least:
        return "supported", f"the interval lies above {size(least)}"
    if high < least:
        return "refuted", f"the interval lies below {size(least)}"
    return "unresolved", f"the interval holds {size(least)}: {settles}"
