"""A claim and its verdict as a sentence that says what the verdict says, and no more.

Only what is supported "beats"; what is unresolved "is open". The verdict is its last word.
"""

from study.asked.claim import Claim
from study.report.wording import ACCURACY, NARROW, Measure, signed

Found = tuple[float | None, float | None, float | None]
"""Estimate, low and high in points, or as shares; None: withheld."""


def claim_sentence(
    claim: Claim | None,
    verdict: str,
    found: Found,
    *,
    is_share: bool,
    n: str,
    reason: str,
    no_difference: bool = False,
    is_fragile: bool = False,
    measure: Measure = ACCURACY,
) -> str:
    """The answer to a claim in words.

    Args:
        claim: As declared; None: only its answer is known.
        verdict: A word of the contract.
        found: The estimate with its 95 % interval.
        is_share: Whether these are differences of shares 0..1.
        n: What they rest on; may be empty.
        reason: Why there is no estimate, where there is none.
        no_difference: Whether the whole interval lies within the least difference of interest.
        is_fragile: Whether leaving out one training turns the verdict.
        measure: The metric, for the unit of differences.
    """
    behind = f" ({n})" if n else ""
    if claim is None:
        return f"{_value(found, measure, is_share=is_share)}{behind}: {verdict}."
    if found[0] is None:
        return f"{claim.whether()} is open{behind}: {reason or 'no estimate'}."
    value = _value(found, measure, is_share=is_share)
    if verdict == "supported":
        words = claim.supported(value)
    elif verdict == "refuted":
        words = claim.refuted(value)
    else:
        words = f"{claim.whether()} is open: {claim.estimated} is {value}"
    if no_difference:
        behind += ", which makes no difference that matters"
    if is_fragile:
        behind += "; fragile, for one training less turns it"
    return f"{words}{behind}: {verdict}."


def _value(found: Found, measure: Measure, *, is_share: bool) -> str:
    """An estimate as sentences have it: `9.1 points [7.0, 11.2]`."""
    estimate, low, high = found
    if estimate is None:
        return "no estimate"
    unit = f"{NARROW}% of it" if is_share else measure.after_effect

    def plain(value: float) -> str:
        text = signed(value * 100) if is_share else measure.effect(value)
        return text.removeprefix("+")

    text = plain(estimate) + unit
    if low is None or high is None:
        return text
    return f"{text} [{plain(low)}, {plain(high)}]"
