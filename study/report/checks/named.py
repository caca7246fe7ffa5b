"""What the checks with names found, as the report lists it: issues and tips first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from study.analysis.checks.check import Checked, Outcome
from study.report.wording import count, listed


@dataclass(frozen=True, kw_only=True)
class Named:
    """The checks of one study.

    Attributes:
        counts: How many came out how, in one sentence.
        raised: Issues, then tips.
        passed: Those that found nothing.
        absent: Those that nobody can answer of this study.
    """

    counts: str
    raised: tuple[Checked, ...]
    passed: tuple[Checked, ...]
    absent: tuple[Checked, ...]


def named_checks(checked: Sequence[Checked]) -> Named:
    """The checks by what came of them, each kind in the order of their table."""

    def of(*outcomes: Outcome) -> tuple[Checked, ...]:
        return tuple(one for outcome in outcomes for one in checked if one.outcome == outcome)

    return Named(
        counts=counts_of(checked),
        raised=of("issue", "tip"),
        passed=of("passed"),
        absent=of("not applicable"),
    )


def counts_of(checked: Sequence[Checked]) -> str:
    """How many checks came out how, such as `1 issue, 3 tips, 20 passed and 14 …`."""
    n = Counter(one.outcome for one in checked)
    told = [count(n["issue"], "issue"), count(n["tip"], "tip")]
    told += [f"{n['passed']:,} passed", f"{n['not applicable']:,} not applicable"]
    return f"{count(len(checked), 'check')}: {listed(told)}."
