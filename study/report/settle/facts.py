"""What the settling figures share: the trainings, their rows' levels and the claims asked."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from study.asked.claim import Claim
from study.folder.columns import config_column
from study.folder.tables import StudyTables


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A study that has settled.

    Attributes:
        tables: Its tables.
        trainings: `settle`, by number.
        claims: Those that the looks tell of, in the study's order.
        factors: Those that claims or arms are about, in reading order.
    """

    tables: StudyTables
    trainings: pd.DataFrame
    claims: tuple[Claim, ...]
    factors: tuple[str, ...]

    @property
    def rows(self) -> list[int]:
        """Rows of the design that were trained."""
        return sorted({int(row) for row in self.trainings["row"]})

    @property
    def blocks(self) -> list[int]:
        """Blocks that were begun."""
        return sorted({int(block) for block in self.trainings["block"]})

    def levels(self, factor: str) -> list[Any]:
        """The factor's level in each row; None where it does not exist."""
        of_row = self.trainings.drop_duplicates("row").set_index("row")[config_column(factor)]
        return [None if pd.isna(of_row[row]) else of_row[row] for row in self.rows]


def settle_facts(tables: StudyTables) -> Facts | None:
    """What was settled, or None where no training was spent on it."""
    if tables.settle is None or tables.settle.empty:
        return None
    study = tables.study
    asked = set() if tables.looks is None else set(tables.looks["claim"])
    claims = tuple(claim for claim in study.every_claim if claim.name in asked)
    about = {claim.compares[0] for claim in claims if claim.compares}
    about |= {f.name for f in study.of_role("arm")}
    return Facts(
        tables=tables,
        trainings=tables.settle.sort_values("number"),
        claims=claims,
        factors=tuple(f.name for f in study.factors if f.name in about),
    )
