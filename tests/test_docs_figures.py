"""Figures on pages are those of the committed tables that they name."""

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


def test_the_readme_quotes_what_was_found_of_each_belief_that_is_settled():
    said, folder = words("README.md"), RESULTS / "korean-48"
    last = pd.read_parquet(KOREAN / "claims.parquet").drop_duplicates("claim", keep="last")
    assert last["verdict"].value_counts().to_dict() == {"supported": 1, "unresolved": 9}
    n = [len(pd.read_parquet(KOREAN / f"{table}.parquet")) for table in ("trials", "confirm")]
    assert "A search of {} trials and {} trainings on fresh seeds".format(*n) in said
    assert "settled one of them" in said

    claims = pd.read_parquet(folder / "claims.parquet")
    declared = claims[(claims["stage"] == "settle") & claims["claim"].isin(last["claim"])]
    settled = declared[declared["verdict"] != "unresolved"].set_index("claim")
    assert len(settled) == 5
    assert "settles five, none of them fragile" in said
    assert not settled["fragile"].any()
    trainings = len(pd.read_parquet(folder / "settle.parquet"))
    assert f"a design of {trainings} trainings" in said
    assert f"{settled['n_clusters'].max():.0f} clusters of images" in said
    for claim, begins in {
        "transfer_helps": "transfer (here from UTKFace, not ImageNet) beats training from scratch",
        "augmentation_underfits": "no augmentation beats a strong one, at these few epochs",
        "zero_gamma_helps": "zero-initialised gamma helps from scratch",
        "few_epochs_enough": "six epochs do as well as nine, within a point",
    }.items():
        row = settled.loc[claim]
        value, ends = interval(row, sign="+")
        assert f"| {begins} | {value} {ends} | {row['verdict']} |" in said
    bcd = settled.loc["bcd_equal"]  # ORG less BCD
    low, high = -bcd["high"], -bcd["low"]
    told = f"BCD is better by {-bcd['estimate']:.1f} [{low:.1f}, {high:.1f}]"
    assert f"| {told} | {bcd['verdict']} |" in said


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
