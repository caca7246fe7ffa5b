"""What claims about two levels of a factor share: whom they ask, and a metric of their own."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

from study.asked.claim import Answer, Claim, Search
from study.asked.factors import Level
from study.asked.toml_values import Table


class Keys(Table):
    """What the table of such a claim may say: metrics of our recipe of which more is better."""

    metric: Literal["val_accuracy", "val_qwk", "val_macro_f1"] | None = None


@dataclass(frozen=True, kw_only=True)
class TwoLevelClaim(Claim):
    """Something about two levels of `factor`, both tuned."""

    factor: str

    @property
    @abstractmethod
    def compares(self) -> tuple[str, Level, Level]:
        """The factor and the two levels of it whose difference it is about."""

    @property
    def stated(self) -> dict[str, Any]:
        metric = {"metric": self.metric} if self.metric is not None else {}
        return {"factor": self.factor, **metric}

    def ask(self, search: Search[Answer]) -> Answer:
        return search.levels(*self.compares)
