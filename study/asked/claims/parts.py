"""Trials in one part of a number's range end above those in another.

For beliefs about training that fails: trials that collapse count as they ended.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from pydantic import Field

from study.asked.claim import Answer, Claim, Part, Region, Search, Verdict
from study.asked.claims.difference import DifferenceClaim, settle_above
from study.asked.claims.told import Told
from study.asked.factors import Config, Level
from study.asked.toml_values import LevelValue, Table
from study.quantities import level, listed


class Keys(Table):
    """What its table may say beside what a `DifferenceClaim` may."""

    when: dict[str, LevelValue] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RangeClaim(Claim):
    """Trials with the number `factor` in `better` end at least `least` points above `worse`.

    Attributes:
        better: Low and high end, both included.
        worse: Likewise.
        when: Levels of other factors that the claim is about; empty: all.
    """

    factor: str
    better: Part
    worse: Part
    least: float
    when: Config = field(default_factory=dict)

    spelled: ClassVar[str] = DifferenceClaim.spelled

    @classmethod
    def read(cls, told: Told) -> Self | None:
        values = told.values
        if told.form - {"when"} != {"factor", "better", "worse", "least"}:
            return None
        better, worse = values["better"], values["worse"]
        if not (isinstance(better, tuple) or isinstance(worse, tuple)):
            return None
        asked = told.factors[values["factor"]]
        if not asked.is_numeric:
            raise told.error(
                f"`{asked.name}` has levels, not a range; give one level each as better and worse"
            )
        for key, side in (("better", better), ("worse", worse)):
            if not isinstance(side, tuple):
                raise told.error("the other side is a range; give two numbers here too", key)
            if not any(r.low <= side[1] and side[0] <= r.high for r in asked.ranges):
                there = "; ".join(f"{r.low:g} to {r.high:g}" for r in asked.ranges)
                raise told.error(
                    f"no trial has {asked.name} from {side[0]:g} to {side[1]:g}; it has {there}",
                    key,
                )
        if better[0] <= worse[1] and worse[0] <= better[1]:
            raise told.error("better and worse overlap; part them")
        when = {
            other: told.level(value, told.varied(other, "when", other), "when", other)
            for other, value in values.get("when", {}).items()
        }
        return cls(
            **told.said,
            factor=asked.name,
            better=better,
            worse=worse,
            least=float(values["least"]),
            when=when,
        )

    @property
    def stated(self) -> dict[str, Any]:
        parts = {"better": list(self.better), "worse": list(self.worse), "least": self.least}
        when = {"when": dict(self.when)} if self.when else {}
        return {"factor": self.factor, **parts, **when}

    @property
    def region(self) -> Region:
        return self.least, None

    @property
    def varied(self) -> tuple[str, ...]:
        return (self.factor,)

    @property
    def named(self) -> Iterable[tuple[str, Level]]:
        return self.when.items()

    def ask(self, search: Search[Answer]) -> Answer:
        return search.parts(self.factor, self.better, self.worse, self.when)

    def settle(self, low: float, high: float) -> tuple[Verdict, str]:
        return settle_above(
            self.least, low, high, self.size, settles="more design trials settle it"
        )

    def whether(self) -> str:
        better, worse = self._sides()
        asked = f" by at least {self.size(self.least)}" if self.least else ""
        return f"Whether trials with {better} end above those with {worse}{asked}"

    def supported(self, value: str) -> str:
        better, worse = self._sides()
        return f"Trials with {better} end {value} above those with {worse}"

    def refuted(self, value: str) -> str:
        better, worse = self._sides()
        asked = f" by the {self.size(self.least)} asked for" if self.least else ""
        return (
            f"Trials with {better} do not end above those with {worse}{asked}: the difference is "
            f"{value}"
        )

    def _sides(self) -> tuple[str, str]:
        better, worse = (
            f"{level(low)} to {level(high)}" for low, high in (self.better, self.worse)
        )
        where = listed([f"{name} {level(value)}" for name, value in self.when.items()])
        return f"{self.factor} from {better}" + (f" (of {where})" if where else ""), worse
