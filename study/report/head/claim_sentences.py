"""A claim and its verdict as a sentence that says what the verdict says, and no more.

Only what is supported "beats"; what is unresolved "is open". The verdict is its last word.
"""

from collections.abc import Callable
from typing import Final

from study.asked.factors import (
    Claim,
    DifferenceClaim,
    DropClaim,
    EquivalenceClaim,
    ImportanceClaim,
    Level,
    RangeClaim,
)
from study.report.wording import NARROW, level, listed, points, signed

Found = tuple[float | None, float | None, float | None]
"""Estimate, low and high in points, or as shares; None: withheld."""


def claim_sentence(
    claim: Claim | None, verdict: str, found: Found, *, is_share: bool, n: str, reason: str
) -> str:
    """The answer to a claim in words.

    Args:
        claim: As declared; None: only its answer is known.
        verdict: A word of the contract.
        found: The estimate with its 95 % interval.
        is_share: Whether these are differences of shares 0..1.
        n: What they rest on; may be empty.
        reason: Why there is no estimate, where there is none.
    """
    behind = f" ({n})" if n else ""
    if claim is None:
        return f"{_value(found, is_share)}{behind}: {verdict}."
    if found[0] is None:
        return f"{_open(claim)} is open{behind}: {reason or 'no estimate'}."
    words = _SETTLED.get(verdict, _unsettled)
    return f"{words(claim, _value(found, is_share))}{behind}: {verdict}."


def _value(found: Found, is_share: bool) -> str:
    """An estimate as sentences have it: `9.1 points [7.0, 11.2]`."""
    estimate, low, high = found
    if estimate is None:
        return "no estimate"
    unit = f"{NARROW}% of it" if is_share else " points"
    scale = 100.0 if is_share else 1.0
    text = _plain(estimate * scale) + unit
    if low is None or high is None:
        return text
    return f"{text} [{_plain(low * scale)}, {_plain(high * scale)}]"


def _plain(value: float) -> str:
    return signed(value).removeprefix("+")


def _supported(claim: Claim, value: str) -> str:
    match claim:
        case DifferenceClaim():
            better, worse = _sides(claim.factor, claim.better, claim.worse)
            return f"{_first(better)} beats {worse} by {value}"
        case EquivalenceClaim():
            a, b = _sides(claim.factor, *claim.equal)
            return f"{_first(a)} and {b} differ by less than {points(claim.within)}: {value}"
        case RangeClaim():
            better, worse = _ranges(claim)
            return f"Trials with {better} end {value} above those with {worse}"
        case DropClaim():
            most = points(claim.drop_at_most)
            return f"On other faces the models lose less than {most}: {value}"
        case ImportanceClaim():
            larger = f"takes a larger share of the variance than {claim.more_than}"
            return f"{claim.factor} {larger}, by {value}"


def _refuted(claim: Claim, value: str) -> str:
    match claim:
        case DifferenceClaim():
            better, worse = _sides(claim.factor, claim.better, claim.worse)
            asked = f" by the {points(claim.least)} asked for" if claim.least else ""
            return f"{_first(better)} does not beat {worse}{asked}: the difference is {value}"
        case EquivalenceClaim():
            a, b = _sides(claim.factor, *claim.equal)
            return f"{_first(a)} and {b} differ by more than {points(claim.within)}: {value}"
        case RangeClaim():
            better, worse = _ranges(claim)
            asked = f" by the {points(claim.least)} asked for" if claim.least else ""
            return (
                f"Trials with {better} do not end above those with {worse}{asked}: the difference "
                f"is {value}"
            )
        case DropClaim():
            most = points(claim.drop_at_most)
            return f"On other faces the models lose more than {most}: {value}"
        case ImportanceClaim():
            smaller = f"takes a smaller share of the variance than {claim.more_than}"
            return f"{claim.factor} {smaller}: the difference is {value}"


def _unsettled(claim: Claim, value: str) -> str:
    what = "the loss" if isinstance(claim, DropClaim) else "the difference"
    return f"{_open(claim)} is open: {what} is {value}"


def _open(claim: Claim) -> str:
    match claim:
        case DifferenceClaim():
            better, worse = _sides(claim.factor, claim.better, claim.worse)
            asked = f" by at least {points(claim.least)}" if claim.least else ""
            return f"Whether {better} beats {worse}{asked}"
        case EquivalenceClaim():
            a, b = _sides(claim.factor, *claim.equal)
            return f"Whether {a} and {b} differ by less than {points(claim.within)}"
        case RangeClaim():
            better, worse = _ranges(claim)
            asked = f" by at least {points(claim.least)}" if claim.least else ""
            return f"Whether trials with {better} end above those with {worse}{asked}"
        case DropClaim():
            most = points(claim.drop_at_most)
            return f"Whether the models lose at most {most} on other faces"
        case ImportanceClaim():
            larger = f"takes a larger share of the variance than {claim.more_than}"
            return f"Whether {claim.factor} {larger}"


_SETTLED: Final[dict[str, Callable[[Claim, str], str]]] = {
    "supported": _supported,
    "refuted": _refuted,
}


def _sides(factor: str, first: Level, second: Level) -> tuple[str, str]:
    """Two levels in words; numbers and flags say nothing without their factor."""
    if isinstance(first, str) and isinstance(second, str):
        return first, second
    return f"{factor} {level(first)}", level(second)


def _ranges(claim: RangeClaim) -> tuple[str, str]:
    better, worse = (f"{level(low)} to {level(high)}" for low, high in (claim.better, claim.worse))
    where = listed([f"{name} {level(value)}" for name, value in claim.when.items()])
    return f"{claim.factor} from {better}" + (f" (of {where})" if where else ""), worse


def _first(words: str) -> str:
    """The words as a sentence begins, where they are plain ones and not an identifier."""
    head = words.partition(" ")[0]
    return words[0].upper() + words[1:] if head.isalpha() and head.islower() else words
