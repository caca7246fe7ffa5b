"""A form that the house does not know: what one file says of a claim is all that is asked."""

from dataclasses import dataclass

import numpy as np
import pytest

from agecls.intervals import Estimate
from study.analysis import analyse
from study.analysis.confirm.verdicts import two_sided
from study.asked.claim import Claim
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.drop import DropClaim
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.claims.parts import RangeClaim
from study.asked.study_text import dump_study
from study.report.head.verdict_words import Found, claim_sentence
from tests.study.analysis.conftest import (
    GAMMA,
    INIT,
    LOSS,
    NO_EPOCHS,
    RATE,
    planted_trials,
    small_study,
)

FORMS = (
    DifferenceClaim(name="d", text="", factor="init", better="a", worse="b", least=1.0),
    EquivalenceClaim(name="e", text="", factor="init", equal=("a", "b"), within=2.0),
    RangeClaim(name="r", text="", factor="lr", better=(0.1, 1), worse=(0.001, 0.01), least=1.0),
    DropClaim(name="f", text="", drop_at_most=5.0),
)


@dataclass(frozen=True, kw_only=True)
class BetweenClaim(Claim):
    """One level exceeds another by no less and no more than these points."""

    factor: str
    first: str
    second: str
    between: tuple[float, float]

    @property
    def stated(self):
        return {"factor": self.factor, "first": self.first, "between": list(self.between)}

    @property
    def region(self):
        return self.between

    @property
    def compares(self):
        return self.factor, self.first, self.second

    def ask(self, search):
        return search.levels(*self.compares)

    def settle(self, low, high):
        is_inside = self.between[0] < low and high < self.between[1]
        return ("supported", "inside") if is_inside else ("unresolved", "not inside")

    def whether(self):
        return "Whether it lies between"

    def supported(self, value):
        return f"It lies between: {value}"

    def refuted(self, value):
        return f"It does not: {value}"


def test_a_new_form_is_judged_planned_for_spelled_and_told():
    sides = {"factor": "init", "first": "pretrained", "second": "scratch"}
    claim = BetweenClaim(name="new", text="New", between=(-90.0, 90.0), **sides)
    narrow = BetweenClaim(name="narrow", text="", between=(0.0, 0.001), **sides)
    study = small_study(INIT, RATE, GAMMA, LOSS, claims=(claim, narrow))
    trials = planted_trials(120, np.random.default_rng(5))
    found = analyse(study, trials, NO_EPOCHS, seed=1)
    row, other = found.claims.to_dict("records")
    assert (row["verdict"], row["reason"], row["unit"]) == ("supported", "inside", "points")
    assert other["verdict"] == "unresolved"
    planned = found.power.set_index("name").loc["narrow"]
    assert planned["seeds_per_arm"] >= 2
    assert "between = [-90.0, 90.0]" in dump_study(study)
    told = {name: row[name] for name in ("verdict", "estimate", "low", "high")}
    words = claim_sentence(claim, Found(**told, is_share=False, n="", reason=""))
    assert words.startswith("It lies between: ")


@pytest.mark.parametrize("claim", FORMS, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("value", [-9.0, -1.0, 0.0, 0.5, 1.5, 3.0, 30.0])
def test_a_test_speaks_for_the_side_on_which_the_estimate_lies(claim, value):
    low, high = claim.region
    low, high = -np.inf if low is None else low, np.inf if high is None else high
    if value in (low, high):
        return
    estimate = Estimate(
        value=value, by_clusters=0.5, by_seeds=0.5, freedom=20.0, n_seeds=5, clusters_freedom=20.0
    )
    p, verdict = two_sided(claim.region, estimate)
    assert verdict == ("supported" if low < value < high else "refuted")
    assert 0 < p <= 1
    assert claim.distance(value) == min(abs(value - low), abs(value - high))
