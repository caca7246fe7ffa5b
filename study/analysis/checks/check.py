"""What a check is, and what comes of one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Final, Literal

import pandas as pd

from study.analysis.checks.seen import Seen
from study.analysis.search.answers import Analysis
from study.folder.provenance import Known

Severity = Literal["issue", "tip"]
"""An issue says that a conclusion may not hold; a tip, what would make the study better."""

Outcome = Literal["issue", "tip", "passed", "not applicable"]
"""The most pressing first."""

PAGE: Final = "docs/checks.md"
"""Has a heading for every code."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check saw.

    Attributes:
        verdict: Whether it is raised; `absent`: the study has nothing that it could be told by.
        why: A sentence with the numbers that it was told by.
    """

    verdict: Literal["raised", "passed", "absent"]
    why: str


def raised(why: str) -> Finding:
    """The study has what the check asks about."""
    return Finding(verdict="raised", why=why)


def passed(why: str) -> Finding:
    """It has not."""
    return Finding(verdict="passed", why=why)


def absent(why: str) -> Finding:
    """Nobody can tell, or the question does not arise."""
    return Finding(verdict="absent", why=why)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came of one check.

    Attributes:
        code: The check's, such as `S101`; it never changes its meaning.
        title: In a few words.
        question: What is asked.
        outcome: `issue` and `tip` are raised.
        why: A sentence with the numbers that it was told by.
        docs: Page and anchor that say what follows and what to do.
    """

    code: str
    title: str
    question: str
    outcome: Outcome
    why: str
    docs: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: a question to a study that may be an issue or a tip.

    Attributes:
        code: Letter of its theme and a number.
        title: In a few words.
        question: What is asked.
        severity: What it is where it is raised.
        look: Answers the question.
    """

    code: str
    title: str
    question: str
    severity: Severity
    look: Callable[[Seen], Finding]

    @property
    def docs(self) -> str:
        """Page and anchor that say what follows and what to do."""
        return f"{PAGE}#{self.code.lower()}"

    def on(self, seen: Seen) -> Checked:
        """What comes of it on one study."""
        found = self.look(seen)
        of_verdict: dict[str, Outcome] = {
            "raised": self.severity, "passed": "passed", "absent": "not applicable",
        }  # fmt: skip
        return Checked(
            code=self.code,
            title=self.title,
            question=self.question,
            outcome=of_verdict[found.verdict],
            why=found.why,
            docs=self.docs,
        )


def check(
    code: str, severity: Severity, title: str
) -> Callable[[Callable[[Seen], Finding]], Check]:
    """Make a check of a look, whose docstring is the question (none under `python -OO`)."""

    def of(look: Callable[[Seen], Finding]) -> Check:
        return Check(
            code=code, title=title, question=look.__doc__ or "", severity=severity, look=look
        )

    return of


def of_data(look: Callable[[Known], Finding]) -> Callable[[Seen], Finding]:
    """A look at what the audit of the data recorded."""

    @wraps(look)
    def at(seen: Seen) -> Finding:
        if not seen.summary:
            return absent("Nothing about the data was recorded with this study.")
        return look(seen.summary)

    return at


def of_search(look: Callable[[Seen, Analysis], Finding]) -> Callable[[Seen], Finding]:
    """A look at what the analysis of the trials found."""

    @wraps(look)
    def at(seen: Seen) -> Finding:
        if seen.analysis is None:
            return absent("The trials were not analysed.")
        return look(seen, seen.analysis)

    return at


def of_fresh_seeds(look: Callable[[Seen, pd.DataFrame], Finding]) -> Callable[[Seen], Finding]:
    """A look at the models that were trained on fresh seeds: rows of `confirm` that ended."""

    @wraps(look)
    def at(seen: Seen) -> Finding:
        if seen.models.empty:
            return absent("Nothing was confirmed on fresh seeds.")
        return look(seen, seen.models)

    return at
