"""One factor matters more than another."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from study.asked.claim import Answer, Claim, Region, Search, Unit, Verdict
from study.asked.claims.told import Told
from study.asked.toml_values import Table, Text


class Keys(Table):
    """What its table may say."""

    more_than: Text | None = None


@dataclass(frozen=True, kw_only=True)
class ImportanceClaim(Claim):
    """`factor` takes a larger share of the variance than `more_than`."""

    factor: str
    more_than: str

    spelled: ClassVar[str] = "more_than, each with its factor"
    unit: ClassVar[Unit] = "share"

    @classmethod
    def read(cls, told: Told) -> Self | None:
        if told.form != {"factor", "more_than"}:
            return None
        factor, more_than = told.values["factor"], told.values["more_than"]
        if more_than == factor:
            raise told.error("a factor cannot outweigh itself; change it", "more_than")
        return cls(**told.said, factor=factor, more_than=more_than)

    @property
    def stated(self) -> dict[str, Any]:
        return {"factor": self.factor, "more_than": self.more_than}

    @property
    def region(self) -> Region:
        return 0.0, None

    @property
    def varied(self) -> tuple[str, ...]:
        return self.factor, self.more_than

    def ask(self, search: Search[Answer]) -> Answer:
        return search.shares(self.factor, self.more_than)

    def settle(self, low: float, high: float) -> tuple[Verdict, str]:
        difference = "the difference of total shares"
        if low > 0:
            return "supported", f"{difference} is above 0"
        if high < 0:
            return "refuted", f"{difference} is below 0"
        return "unresolved", f"{difference} may be 0: more design trials settle it"

    def whether(self) -> str:
        return f"Whether {self.factor} takes a larger share of the variance than {self.more_than}"

    def supported(self, value: str) -> str:
        larger = f"takes a larger share of the variance than {self.more_than}"
        return f"{self.factor} {larger}, by {value}"

    def refuted(self, value: str) -> str:
        smaller = f"takes a smaller share of the variance than {self.more_than}"
        return f"{self.factor} {smaller}: the difference is {value}"
