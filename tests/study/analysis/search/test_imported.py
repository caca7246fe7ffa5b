import numpy as np
import pytest

from study.analysis import analyse
from study.asked.study_file import load_study
from tests.study.imported import TOML, tables

SHARE = TOML.replace('unit = "nats"\nsmallest = 0.01', 'unit = "share"').replace(
    'direction = "minimize"', 'direction = "maximize"'
)
"""The same search told by an accuracy: a nat lost is a quarter of a share less."""
PER_NAT = 0.25


@pytest.fixture
def study(tmp_path):
    (tmp_path / "it.toml").write_text(TOML)
    return load_study(tmp_path / "it.toml")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What is said of a loss that is minimised, and of the accuracy that is as good."""
    folder, (trials, epochs) = tmp_path_factory.mktemp("imported"), tables()
    found = []
    for name, text in (("loss", TOML), ("share", SHARE.replace("least = 0.02", "least = 0.5"))):
        path = folder / f"{name}.toml"
        path.write_text(text)
        study = load_study(path)
        if name == "share":
            trials, epochs = (
                frame.assign(val_loss=0.9 - PER_NAT * frame["val_loss"])
                for frame in (trials, epochs)
            )
        found.append(analyse(study, trials, epochs, seed=0))
    return found


def test_direction_and_unit_change_no_verdict_and_no_share(told):
    loss, share = told
    for kind in ("importance", "interactions"):
        for column in ("verdict", "share", "low", "high"):
            a, b = (getattr(one, kind)[column].tolist() for one in (loss, share))
            assert a == (b if column == "verdict" else pytest.approx(b, abs=1e-6))
    assert loss.claims["verdict"].tolist() == share.claims["verdict"].tolist()
    verdicts = loss.importance.set_index("factor")["verdict"]
    assert verdicts["rate"] == verdicts["net"] == "matters"
    assert verdicts["epochs"] != "matters"


def test_tables_are_in_the_metric_s_own_unit(told):
    loss, share = (one.table("claims").set_index("claim") for one in told)
    # 0.1 nats between the nets: less is better, so the better one is ahead by a positive size
    assert loss.loc["mlp", "estimate"] == pytest.approx(0.1, abs=0.04)
    ratio = 100 * PER_NAT
    for column in ("estimate", "low", "high"):
        assert share.loc["mlp", column] == pytest.approx(ratio * loss.loc["mlp", column])
    assert loss["unit"].tolist() == ["nats", "share"]
    assert share["unit"].tolist() == ["points", "share"]
    spreads = [one.table("importance")["sd"].to_numpy() for one in told]
    np.testing.assert_allclose(spreads[1], ratio * spreads[0], rtol=1e-6)


def test_marginals_are_values_as_they_were_measured(told):
    loss = told[0].table("marginals").set_index(["factor", "level"])
    nets = loss.loc["net"]
    assert nets.loc["ORG", "estimate"] > nets.loc["mlp", "estimate"]
    assert nets.loc["mlp", "estimate"] == pytest.approx(2.11, abs=0.05)
    assert (loss["low"] <= loss["estimate"]).all()
    assert (loss["estimate"] <= loss["high"]).all()


def test_differences_between_levels_are_those_of_their_values(told):
    """One level less the other, in nats of which less is better and in points of a share."""
    loss, share = (one.table("contrasts").set_index(["factor", "kind"]) for one in told)
    values = told[0].table("marginals").set_index(["factor", "level"]).loc["net", "estimate"]
    of_net = loss.loc[("net", "average")]
    assert (of_net["level_a"], of_net["level_b"]) == ("ORG", "mlp")
    assert of_net["estimate"] == pytest.approx(values["ORG"] - values["mlp"], abs=0.01)
    assert of_net["low"] <= of_net["estimate"] <= of_net["high"]
    assert share.loc[("net", "average"), "estimate"] == pytest.approx(
        -100 * PER_NAT * of_net["estimate"]
    )


def test_the_best_is_the_lowest(told):
    trials, _ = tables()
    measure = told[0].frames.study.measure
    assert told[0].best["best"].iloc[-1] / measure.per_unit == pytest.approx(
        trials["val_loss"].min()
    )


def test_a_search_without_curves_has_only_final_values(study):
    trials, epochs = tables()
    trials[["epochs_run", "epochs_planned"]] = 1
    found = analyse(study, trials, epochs.iloc[:0], seed=0)
    assert (found.frames.trials["outcome"] == "full").all()
    assert found.importance.set_index("factor").loc["rate", "verdict"] == "matters"


def test_a_curve_that_stands_still_is_no_collapse(study):
    trials, epochs = tables()
    epochs["val_loss"] = epochs.groupby("trial_id")["val_loss"].transform("min")
    found = analyse(study, trials, epochs, seed=0)
    assert not (found.frames.trials["outcome"] == "collapsed").any()
