"""Models hold on other faces."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from pydantic import Field

from study.asked.claim import Answer, Claim, Region, Search, Verdict
from study.asked.claims.told import Told
from study.asked.toml_values import Table
from study.quantities import points

SPELLED: Final = "it has drop_at_most and no factor"


class Keys(Table):
    """What its table may say."""

    drop_at_most: float | None = Field(default=None, ge=0.0, le=100.0)


@dataclass(frozen=True, kw_only=True)
class DropClaim(Claim):
    """On other faces the models lose at most `drop_at_most` points against the study's own."""

    drop_at_most: float

    is_of_other_faces: ClassVar[bool] = True
    estimated: ClassVar[str] = "the loss"

    @classmethod
    def read(cls, told: Told) -> Self | None:
        if told.form != {"drop_at_most"}:
            return None
        return cls(**told.said, drop_at_most=float(told.values["drop_at_most"]))

    @property
    def stated(self) -> dict[str, Any]:
        return {"drop_at_most": self.drop_at_most}

    @property
    def region(self) -> Region:
        return None, self.drop_at_most

    @property
    def limit(self) -> str:
        return f"a drop of {points(self.drop_at_most)}"

    def ask(self, search: Search[Answer]) -> Answer:
        return search.elsewhere()

    def settle(self, low: float, high: float) -> tuple[Verdict, str]:
        """Nothing: no search gives an interval."""
        raise NotImplementedError("a search has no interval of what is lost on other faces")

    def whether(self) -> str:
        return f"Whether the models lose at most {points(self.drop_at_most)} on other faces"

    def supported(self, value: str) -> str:
        return f"On other faces the models lose less than {points(self.drop_at_most)}: {value}"

    def refuted(self, value: str) -> str:
        return f"On other faces the models lose more than {points(self.drop_at_most)}: {value}"
