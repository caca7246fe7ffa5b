import pytest

from study.asked.claim import Claim
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.claims.importance import ImportanceClaim

BETTER = DifferenceClaim(
    name="a", text="", factor="init", better="pretrained", worse="scratch", least=1.0
)
EQUAL = EquivalenceClaim(name="b", text="", factor="variant", equal=("org", "bcd"), within=1.0)
MORE = ImportanceClaim(name="c", text="", factor="lr", more_than="variant")


@pytest.mark.parametrize(
    ("claim", "low", "high", "verdict"),
    [
        (BETTER, 1.0, 4.0, "supported"),
        (BETTER, 0.5, 4.0, "unresolved"),
        (BETTER, -3.0, 0.9, "refuted"),
        (BETTER, -3.0, 1.0, "unresolved"),
        (EQUAL, -0.9, 0.9, "supported"),
        (EQUAL, -0.9, 1.0, "unresolved"),
        (EQUAL, 1.0, 2.0, "refuted"),
        (EQUAL, -3.0, -1.0, "refuted"),
        (EQUAL, -3.0, 3.0, "unresolved"),
        (MORE, 0.1, 0.4, "supported"),
        (MORE, -0.4, -0.1, "refuted"),
        (MORE, -0.1, 0.1, "unresolved"),
    ],
)
def test_a_verdict_follows_from_the_interval_alone(
    claim: Claim, low: float, high: float, verdict: str
):
    assert claim.settle(low, high)[0] == verdict


def test_a_limit_of_one_is_one_point():
    assert EQUAL.settle(-0.9, 0.9)[1] == "the interval lies within ±1 point"
