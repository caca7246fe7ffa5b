"""All forms of a claim together: what a claim's table may say, and the claim that it states.

Another form is a file here: a `Claim` that is read from its table and says how that is spelled.
Its class is a row of `_FORMS`; the keys that no other form has are a base of `ClaimTable`.
"""

import re
from collections.abc import Sequence
from typing import Final

from study.asked.claim import Claim
from study.asked.claims import (
    difference,
    drop,
    equivalence,
    importance,
    learning,
    parts,
    two_levels,
)
from study.asked.claims.told import Told
from study.asked.factors import Factor
from study.asked.toml_values import Place, Source, Text

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

_FORMS: Final = (
    difference.DifferenceClaim,
    learning.LearningClaim,
    equivalence.EquivalenceClaim,
    importance.ImportanceClaim,
    drop.DropClaim,
    parts.RangeClaim,
)
"""Each form's class, in the order in which they are spelled; no table is of two forms."""


class ClaimTable(
    two_levels.Keys,
    difference.Keys,
    parts.Keys,
    equivalence.Keys,
    importance.Keys,
    drop.Keys,
    learning.Keys,
):
    """`[claims.NAME]`, in any form."""

    text: Text
    needs: Text | None = None
    factor: Text | None = None


def resolve_claim(
    table: ClaimTable, place: Place, *, factors: Sequence[Factor], source: Source
) -> Claim:
    """The claim that a table states about factors that vary, with levels that trials have.

    Args:
        table: What it says.
        place: Where it stands; its last word names the claim.
        factors: The study's.
        source: For errors.

    Raises:
        StudyFileError: No form is complete, or a factor or level is none of the study's.
    """
    name = str(place[-1])
    values = {key: value for key, value in table if value is not None and value != {}}
    named = {f.name: f for f in factors}
    told = Told(name=name, values=values, factors=named, source=source, place=place)
    if not _NAME.fullmatch(name):
        raise told.error("a claim's name is of letters, digits, _ and -; rename it")
    for key in ("factor", "more_than"):
        if key in values:
            told.varied(values[key], key)
    for form in _FORMS:
        found = form.read(told)
        if found is None:
            continue
        if found.metric is not None and found.compares is None:
            problem = "only a claim about two levels is judged on a metric of its own; drop it"
            raise told.error(problem, "metric")
        return found
    said = ", ".join(sorted(told.form - {"factor"})) or "no statement"
    spelled = "; or ".join(dict.fromkeys(form.spelled for form in _FORMS))
    raise told.error(f"it has {said}; a claim has {spelled}")
