"""Figures on pages are those of the committed tables that they name."""

import json

import pandas as pd
import pytest

from tests.pages import ROOT, Page

RESULTS = ROOT / "results"
KOREAN = RESULTS / "korean-32"


def words(page: str) -> str:
    """A page's text, however its lines are broken."""
    return " ".join(Page(page).text.split())


def interval(row: pd.Series, *, scale: float = 1, sign: str = "") -> tuple[str, str]:
    estimate, low, high = (scale * row[end] for end in ("estimate", "low", "high"))
    return f"{estimate:{sign}.1f}", f"[{low:.1f}, {high:.1f}]"


def confirmed() -> pd.DataFrame:
    """Accuracy of each arm of `korean-32` on all images."""
    found = pd.read_parquet(KOREAN / "confirmed.parquet")
    is_asked = (found["metric"] == "accuracy") & (found["images"] == "all")
    return found[is_asked & found["against"].isna()].set_index("arm")


@pytest.mark.parametrize("arm", ["bcd-scratch", "bcd-pretrained", "org-pretrained", "org-scratch"])
def test_confirmed_accuracies_are_those_of_the_table(arm):
    value, ends = interval(confirmed().loc[arm], scale=100)
    assert f"| `{arm}` | {value} % {ends} |" in words("results/README.md")


def test_the_readme_quotes_the_best_arm_and_the_claim_as_they_were_found():
    said = words("README.md")
    best = confirmed().sort_values("estimate").iloc[-1]
    value, ends = interval(best, scale=100)
    clusters = f"({best['n_images']:,} images in {best['n_clusters']} clusters)"
    assert f"from scratch: {value} % {ends} validation accuracy {clusters}" in said
    assert best.name == "bcd-scratch"
    majority = json.loads((KOREAN / "study.json").read_text())["data"]["summary"]["majority"]
    assert f"the commonest class has {100 * majority['val']:.1f} %" in said
    claims = pd.read_parquet(KOREAN / "claims.parquet")
    transfer = claims[(claims["claim"] == "transfer_helps") & (claims["stage"] == "confirm")]
    value, ends = interval(transfer.iloc[0], sign="+")
    assert f"is {value} points {ends} over both structures" in said
    last = claims.drop_duplicates("claim", keep="last")["verdict"].value_counts()
    assert last.to_dict() == {"supported": 1, "unresolved": 9}
    assert "One claim of ten is supported, nine are unresolved" in said
    assert f"{len(pd.read_parquet(KOREAN / 'trials.parquet'))} trials" in said


@pytest.mark.parametrize(
    ("table", "against", "decimals"),
    [
        ("studies", "ray", 2),
        ("studies", "optuna", 2),
        ("steps", "NCHW eager", 2),
        ("steps-32px", "NCHW eager", 2),
        ("gpu-steps", "NCHW eager", 1),
    ],
)
def test_a_measured_speed_is_that_of_the_benchmark(table, against, decimals):
    ratios = pd.read_csv(RESULTS / "benchmarks" / f"{table}_ratios.csv")
    row = ratios[(ratios["to"] == against) & (ratios["figure"] == "images_per_second")].iloc[0]
    middle, low, high = (f"{row[end]:.{decimals}f}" for end in ("median", "min", "max"))
    lines = [line for line in Page("docs/speed.md").text.splitlines() if line.startswith("|")]
    [line] = [line for line in lines if f"| {middle} times" in line]
    assert f"({low} to {high})" in line
    assert f"| {row['rounds']} rounds |" in line


@pytest.mark.parametrize(
    ("table", "against"),
    [("gpu-studies", "ray"), ("avx2-studies-ray", "ray"), ("avx2-studies-optuna", "optuna")],
)
def test_a_speed_of_one_round_says_so(table, against):
    ratios = pd.read_csv(RESULTS / "benchmarks" / f"{table}_ratios.csv")
    row = ratios[ratios["to"] == against].iloc[0]
    [line] = [x for x in Page("docs/speed.md").text.splitlines() if f"{row['median']:.2f}" in x]
    assert row["rounds"] == 1
    assert line.rpartition(" | ")[2].startswith("1 round")


def test_what_is_said_of_settled_claims_is_what_was_simulated():
    table = pd.read_csv(RESULTS / "simulations" / "settle.csv")
    usual = table[table["setting"] == "usual"].set_index("measure")
    said = words("docs/settling.md")
    for measure, of in [
        ("studies_with_a_false_verdict", "studies"),
        ("coverage", "claims"),
        ("far_settled", "claims"),
    ]:
        row = usual.loc[measure]
        value, low, high = (100 * row[end] for end in ("value", "low", "high"))
        n = row["n_studies"] if of == "studies" else row["n_claims"]
        assert f"| {value:.1f} % | {low:.1f} to {high:.1f} % | {n:,.0f} {of} |" in said
    listed = words("results/simulations/README.md")
    for setting, rows in table.groupby("setting"):
        found = rows.set_index("measure")
        cells = [
            "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * found.loc[name, ["value", "low", "high"]]))
            for name in ("studies_with_a_false_verdict", "coverage")
        ]
        assert f"| {setting} | {' | '.join(cells)} |" in listed
