import pytest

from study.asked.claim import Claim
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.drop import DropClaim
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.claims.importance import ImportanceClaim
from study.asked.claims.parts import RangeClaim
from study.report.head.verdict_words import Found, claim_sentence

TRANSFER = DifferenceClaim(
    name="t", text="", factor="init", better="pretrained", worse="scratch", least=1.0
)
GAMMA = DifferenceClaim(
    name="g", text="", factor="zero_gamma", better=True, worse=False, least=0.0
)
EQUAL = EquivalenceClaim(name="e", text="", factor="variant", equal=("org", "bcd"), within=1.0)
SHARE = ImportanceClaim(name="s", text="", factor="lr", more_than="variant")
RATES = RangeClaim(
    name="r", text="", factor="lr", better=(0.05, 0.3), worse=(1e-4, 0.01), least=2.0,
    when={"optimizer": "sgd"},
)  # fmt: skip
DROP = DropClaim(name="d", text="", drop_at_most=5.0)


def said(
    claim: Claim | None,
    verdict: str,
    estimate: float | None = 9.14,
    low: float | None = 7.0,
    high: float | None = 11.2,
    **more: object,
) -> str:
    values = {"is_share": False, "n": "5 seeds each", "reason": ""} | more
    found = Found(verdict=verdict, estimate=estimate, low=low, high=high, **values)  # type: ignore[arg-type]
    return claim_sentence(claim, found)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        (TRANSFER, "Pretrained beats scratch by 9.1 points [7.0, 11.2]"),
        (GAMMA, "zero_gamma true beats false by 9.1 points [7.0, 11.2]"),
        (EQUAL, "Org and bcd differ by less than 1 point: 9.1 points [7.0, 11.2]"),
        (
            RATES,
            "Trials with lr from 0.05 to 0.3 (of optimizer sgd) end 9.1 points [7.0, 11.2] above "
            "those with 0.0001 to 0.01",
        ),
        (DROP, "On other faces the models lose less than 5 points: 9.1 points [7.0, 11.2]"),
    ],
)
def test_a_supported_claim_is_stated_with_its_numbers(claim: Claim, sentence: str) -> None:
    assert said(claim, "supported") == f"{sentence} (5 seeds each): supported."


def test_a_refuted_claim_is_denied_and_its_opposite_is_not_claimed() -> None:
    text = said(TRANSFER, "refuted", 0.24, -0.5, 0.9)
    assert text == (
        "Pretrained does not beat scratch by the 1 point asked for: the difference is 0.2 points "
        "[-0.5, 0.9] (5 seeds each): refuted."
    )
    assert said(GAMMA, "refuted", -2, -3, -1).startswith("zero_gamma true does not beat false: ")
    assert "differ by more than 1 point" in said(EQUAL, "refuted")
    assert "do not end above those with" in said(RATES, "refuted")
    assert "lose more than 5 points" in said(DROP, "refuted")


@pytest.mark.parametrize("claim", [TRANSFER, GAMMA, EQUAL, SHARE, RATES, DROP])
def test_an_unresolved_claim_is_open_whatever_its_estimate(claim: Claim) -> None:
    text = said(claim, "unresolved", 40.0, -1.0, 81.0)
    assert text.startswith("Whether ")
    assert " is open: " in text
    assert text.endswith("(5 seeds each): unresolved.")


def test_a_withheld_estimate_gives_its_reason_and_no_number() -> None:
    text = said(TRANSFER, "unresolved", None, None, None, n="", reason="only 8 trials")
    assert text == "Whether pretrained beats scratch by at least 1 point is open: only 8 trials."


def test_shares_are_per_cent_of_the_variance() -> None:
    supported = said(SHARE, "supported", 0.42, 0.2, 0.6, is_share=True)
    assert supported.startswith(
        "lr takes a larger share of the variance than variant, by 42.0\u202f% of it [20.0, 60.0]"
    )
    refuted = said(SHARE, "refuted", -0.42, -0.6, -0.2, is_share=True)
    assert refuted.startswith("lr takes a smaller share of the variance than variant: ")


def test_a_claim_that_nobody_declared_is_its_numbers() -> None:
    assert said(None, "supported") == "9.1 points [7.0, 11.2] (5 seeds each): supported."


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert "0.0 points [-0.4, 0.4]" in said(EQUAL, "unresolved", -0.04, -0.4, 0.4)
