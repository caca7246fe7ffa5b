from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.claims.importance import ImportanceClaim
from study.report.head.claims_figure import claims_panel, claims_rows
from study.report.head.ledger import Entry, Standing

CLAIM = DifferenceClaim(name="t", text="T", factor="init", better="a", worse="b", least=1.0)
EQUAL = EquivalenceClaim(name="e", text="E", factor="init", equal=("a", "b"), within=2.0)
SHARE = ImportanceClaim(name="s", text="S", factor="lr", more_than="init")


def standing(stage: str, estimate: float | None, **more: object) -> Standing:
    ends = {"low": None, "high": None}
    if estimate is not None:
        ends = {"low": estimate - 1, "high": estimate + 1}
    values = {"verdict": "unresolved", "is_share": False, "n": "5 seeds each", "reason": "",
              "command": "", "claim": None}  # fmt: skip
    return Standing(stage=stage, estimate=estimate, **values | ends | more)  # type: ignore[arg-type]


def entry(claim: object, *confirmed: Standing, searched: Standing | None = None) -> Entry:
    return Entry(
        name=claim.name,  # type: ignore[attr-defined]
        text=claim.text,  # type: ignore[attr-defined]
        claim=claim,  # type: ignore[arg-type]
        confirmed=confirmed,
        searched=searched,
    )


BOTH = entry(CLAIM, standing("confirm", 3.0), searched=standing("search", 8.0))


def test_the_band_is_where_the_claim_would_hold() -> None:
    difference, equal = claims_rows([BOTH, entry(EQUAL, standing("confirm", 0.0))])
    assert (difference.low, difference.high) == (1.0, None)
    assert (equal.low, equal.high) == (-2.0, 2.0)


def test_fresh_seeds_are_filled_and_the_search_is_hollow() -> None:
    panel = claims_panel([BOTH])
    assert panel is not None
    assert panel.figure is not None
    confirmed, searched = panel.figure.data
    assert (confirmed.x[0], confirmed.marker.symbol) == (3.0, "circle")
    assert (searched.x[0], searched.marker.symbol) == (8.0, "circle-open")
    assert tuple(confirmed.error_x.array) == (1.0,)
    assert "Filled: fresh seeds" in panel.reading


def test_a_search_without_confirmation_says_so() -> None:
    panel = claims_panel([entry(CLAIM, searched=standing("search", 8.0))])
    assert panel is not None
    assert "no fresh seed has been trained" in panel.reading


def test_shares_and_withheld_estimates_are_counted_as_left_out() -> None:
    entries = [
        BOTH,
        entry(SHARE, searched=standing("search", 0.4, is_share=True)),
        entry(EQUAL, searched=standing("search", None)),
    ]
    panel = claims_panel(entries)
    assert panel is not None
    assert "Left out: 2 of 3 claims" in panel.note
    assert claims_panel(entries[1:]) is None
