"""A claim and its verdict as a sentence that says what the verdict says, and no more.

The claim's form (`study.asked.claims`) has the words in the middle. Only what is supported
"beats"; what is unresolved "is open". The verdict is its last word.
"""

from dataclasses import dataclass

from study.asked.claim import Claim
from study.report.wording import ACCURACY, NARROW, Measure, signed


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found of a claim.

    Attributes:
        verdict: A word of the contract.
        estimate: Points, or difference of shares; None: withheld.
        low: Lower end of its 95 % interval.
        high: Upper end.
        is_share: Whether these are shares 0..1 and not points.
        n: What it rests on, such as `5 fresh seeds each, test split`; may be empty.
        reason: Why this verdict, or what would settle the claim.
        no_difference: Whether the whole interval lies within the least difference of interest.
        is_fragile: Whether leaving out one training turns the verdict.
        measure: The metric, for the unit of differences.
    """

    verdict: str
    estimate: float | None
    low: float | None
    high: float | None
    is_share: bool
    n: str
    reason: str
    no_difference: bool = False
    is_fragile: bool = False
    measure: Measure = ACCURACY


def claim_sentence(claim: Claim | None, found: Found) -> str:
    """The answer to a claim in words; of None, which nobody declared, its answer alone."""
    behind, value = f" ({found.n})" if found.n else "", _value(found)
    if claim is None:
        return f"{value}{behind}: {found.verdict}."
    if found.estimate is None:
        return f"{claim.whether()} is open{behind}: {found.reason or 'no estimate'}."
    if found.verdict == "supported":
        words = claim.supported(value)
    elif found.verdict == "refuted":
        words = claim.refuted(value)
    else:
        words = f"{claim.whether()} is open: {claim.estimated} is {value}"
    if found.no_difference:
        behind += ", which makes no difference that matters"
    if found.is_fragile:
        behind += "; fragile, for one training less turns it"
    return f"{words}{behind}: {found.verdict}."


def _value(found: Found) -> str:
    """An estimate as sentences have it: `9.1 points [7.0, 11.2]`."""
    if found.estimate is None:
        return "no estimate"
    unit = f"{NARROW}% of it" if found.is_share else found.measure.after_effect

    def plain(value: float) -> str:
        text = signed(value * 100) if found.is_share else found.measure.effect(value)
        return text.removeprefix("+")

    text = plain(found.estimate) + unit
    if found.low is None or found.high is None:
        return text
    return f"{text} [{plain(found.low)}, {plain(found.high)}]"
