"""Models hold on other faces."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from pydantic import Field

from study.asked.claim import Answer, Claim, Region, Search, Verdict
from study.asked.claims.told import Told
from study.asked.toml_values import Table


class Keys(Table):
    """What its table may say."""

    drop_at_most: float | None = Field(default=None, ge=0.0, le=100.0)


@dataclass(frozen=True, kw_only=True)
class DropClaim(Claim):
    """On other faces the models lose at most `drop_at_most` points against the study's own."""

    drop_at_most: float

    spelled: ClassVar[str] = "it has drop_at_most and no factor"
    is_of_other_faces: ClassVar[bool] = True
    estimated: ClassVar[str] = "the loss"
    subject: ClassVar[str] = "faces"

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
        return f"a drop of {self.size(self.drop_at_most)}"

    def ask(self, search: Search[Answer]) -> Answer:
        return search.elsewhere()

    def settle(self, low: float, high: float) -> tuple[Verdict, str]:
        """Nothing: no search gives an interval."""
        raise NotImplementedError("a search has no interval of what is lost on other faces")

    def about(self, subject: str) -> "DropClaim":
        if subject == self.subject:
            return self
        # no field, for the fields of a claim are what was declared, and hashed
        return DropOfPictures(**{f.name: getattr(self, f.name) for f in fields(self)})

    def whether(self) -> str:
        most = self.size(self.drop_at_most)
        return f"Whether the models lose at most {most} on other {self.subject}"

    def supported(self, value: str) -> str:
        most = self.size(self.drop_at_most)
        return f"On other {self.subject} the models lose less than {most}: {value}"

    def refuted(self, value: str) -> str:
        most = self.size(self.drop_at_most)
        return f"On other {self.subject} the models lose more than {most}: {value}"


class DropOfPictures(DropClaim):
    """The same where pictures are no faces."""

    subject: ClassVar[str] = "pictures"
