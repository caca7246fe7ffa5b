from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from study.analysis.search.frames import by_metric, tidy
from study.asked.plans import FoldPlan
from study.asked.study import Study, arm_name
from tests.study.analysis.conftest import NO_EPOCHS

CONFIG = {
    "config/init": "scratch",
    "config/lr": 0.1,
    "config/zero_gamma": True,
    "config/loss": "ce",
}


def trial(name: str, **changes: object) -> dict[str, object]:
    base = {
        "trial_id": name,
        "status": "completed",
        "collapsed": False,
        "epochs_planned": 9,
        "epochs_run": 9,
        "val_accuracy": 0.5,
        "error": None,
    }
    return base | CONFIG | changes


def curve(name: str, values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"trial_id": name, "epoch": range(1, len(values) + 1), "val_accuracy": values}
    )


def test_every_trial_gets_one_outcome(study: Study):
    trials = pd.DataFrame(
        [
            trial("full"),
            trial("stopped", status="stopped", epochs_run=3, val_accuracy=0.4),
            trial("cut", status="interrupted", epochs_run=2, val_accuracy=0.3),
            trial("flat", collapsed=True, val_accuracy=0.24),
            trial("nan", status="failed", error="loss is NaN in epoch 2", val_accuracy=None),
            trial("killed", status="failed", error="worker was killed", val_accuracy=None),
            trial("blank", val_accuracy=None),
        ]
    )
    outcomes = tidy(study, trials, NO_EPOCHS).trials["outcome"].tolist()
    assert outcomes == ["full", "stopped", "stopped", "collapsed", "collapsed", "lost", "lost"]


def test_only_full_length_trials_have_a_value_and_it_is_in_points(study: Study):
    trials = pd.DataFrame(
        [trial("a", val_accuracy=0.515), trial("b", status="stopped", val_accuracy=0.4)]
    )
    frame = tidy(study, trials, NO_EPOCHS).trials
    assert frame["value"].iloc[0] == pytest.approx(51.5)
    assert np.isnan(frame["value"].iloc[1])
    assert frame["last"].iloc[1] == pytest.approx(40.0)


def test_by_another_metric_trials_without_it_at_their_end_are_lost(study: Study):
    """Whether they ran to the end or were stopped: an earlier value would pass for the last."""
    short = {"status": "stopped", "epochs_run": 2}
    trials = pd.DataFrame(
        [trial("told"), trial("untold"), trial("cut", **short), trial("cut-untold", **short)]
    )
    macro = {
        "told": [0.1, 0.2, 0.3],
        "untold": [0.1, 0.2, np.nan],
        "cut": [0.1, 0.2],
        "cut-untold": [np.nan, np.nan],
    }
    epochs = pd.concat([curve(n, [0.5] * len(v)).assign(val_macro_f1=v) for n, v in macro.items()])
    found = by_metric(tidy(study, trials, epochs), epochs, "val_macro_f1")
    assert found is not None
    assert found.trials["outcome"].tolist() == ["full", "lost", "stopped", "lost"]
    assert found.trials["value"].tolist() == pytest.approx([30.0, *[np.nan] * 3], nan_ok=True)


def test_tables_of_others_need_only_identity_configuration_and_accuracy(study: Study):
    trials = pd.DataFrame([{"trial_id": "a", "val_accuracy": 0.5} | CONFIG])
    frames = tidy(study, trials, curve("a", [0.3, 0.4, 0.5]))
    row = frames.trials.iloc[0]
    assert (row["origin"], row["outcome"], row["arm"]) == ("search", "full", "scratch")
    assert row["epochs_run"] == 3
    assert row["epochs_planned"] == study.epochs


def test_a_net_that_predicts_one_class_is_found_where_nobody_flagged_it(study: Study):
    trials = pd.DataFrame([trial("flat"), trial("learns")]).drop(columns="collapsed")
    epochs = pd.concat(
        [curve("flat", [0.2, 0.24, 0.24, 0.24, 0.24]), curve("learns", [0.2, 0.3, 0.4, 0.4, 0.5])]
    )
    assert tidy(study, trials, epochs).trials["outcome"].tolist() == ["collapsed", "full"]


def test_arms_are_spelled_as_the_study_spells_them(study: Study):
    trials = pd.DataFrame([trial("a"), trial("b", **{"config/init": "pretrained"})])
    expected = [arm_name(study, {"init": "scratch"}), arm_name(study, {"init": "pretrained"})]
    assert tidy(study, trials, NO_EPOCHS).trials["arm"].tolist() == expected


def test_equal_configurations_share_an_id(study: Study):
    trials = pd.DataFrame([trial("a"), trial("b"), trial("c", **{"config/lr": 0.2})])
    ids = tidy(study, trials, NO_EPOCHS).trials["config_id"]
    assert ids[0] == ids[1] != ids[2]


def test_values_at_a_fraction_lie_on_the_curve(study: Study):
    trials = pd.DataFrame([trial("a", epochs_planned=4, epochs_run=4)])
    frames = tidy(study, trials, curve("a", [0.1, 0.2, 0.4, 0.5]))
    everyone = np.array([True])
    assert frames.at_fraction(0.5, everyone)[0] == pytest.approx(20.0)
    assert frames.at_fraction(0.625, everyone)[0] == pytest.approx(30.0)
    assert frames.at_fraction(0.01, everyone)[0] == pytest.approx(10.0)


def test_scouts_and_trials_outside_the_box_are_no_evidence_on_effects(study: Study):
    trials = pd.DataFrame(
        [trial("a", origin="design"), trial("b", origin="scout"), trial("c", **{"config/lr": 9.0})]
    )
    assert tidy(study, trials, NO_EPOCHS).rows("full").tolist() == [True, False, False]


def test_a_trial_called_complete_that_ended_before_its_length_was_stopped(study: Study):
    trials = pd.DataFrame([trial("whole"), trial("told early", epochs_run=3)])
    frame = tidy(study, trials, NO_EPOCHS).trials
    assert frame["outcome"].tolist() == ["full", "stopped"]
    # the same, told by the curves alone
    trials = trials.drop(columns=["epochs_run"])
    curves = pd.concat([curve("whole", [0.5] * 8 + [0.6]), curve("told early", [0.3, 0.4, 0.5])])
    assert tidy(study, trials, curves).trials["outcome"].tolist() == ["full", "stopped"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("epoch 3, step 7 of 9: the loss is nan", "collapsed"),
        ("validation outputs are not finite at learning rate 3", "collapsed"),
        ("its last loss is -inf", "collapsed"),
        ("KeyError: no loss of this name", "lost"),
        ("connection lost: information incomplete", "lost"),
    ],
)
def test_what_failed_on_its_numbers_collapsed_and_what_failed_otherwise_is_lost(
    study: Study, error: str, outcome: str
):
    trials = pd.DataFrame([trial("a", status="failed", error=error)])
    assert tidy(study, trials, NO_EPOCHS).trials["outcome"].tolist() == [outcome]


def test_a_scout_that_has_not_begun_to_learn_is_no_collapse_below_the_edge(study: Study):
    trials = pd.DataFrame(
        [
            trial("slow", origin="scout", collapsed=True, **{"config/lr": 0.02}),
            trial("beyond", origin="scout", collapsed=True, **{"config/lr": 5.0}),
            trial("nan", origin="scout", status="failed", error="loss is NaN in epoch 1"),
        ]
    )
    outcomes = tidy(study, trials, NO_EPOCHS).trials["outcome"].tolist()
    assert outcomes == ["lost", "collapsed", "collapsed"]


def test_a_trial_that_hardly_learned_by_its_end_collapsed_where_the_study_has_folds(study: Study):
    trials = pd.DataFrame(
        [
            trial("good", learned=True),
            trial("idle", learned=False, val_accuracy=0.25),
            trial("early", learned=False, status="stopped", epochs_run=1, val_accuracy=0.25),
            trial("old", learned=None),
        ]
    )
    plain = tidy(study, trials, NO_EPOCHS).trials["outcome"].tolist()
    assert plain == ["full", "full", "stopped", "full"]
    folded = replace(study, folds=FoldPlan(k=5, search=True))
    outcomes = tidy(folded, trials, NO_EPOCHS).trials["outcome"].tolist()
    assert outcomes == ["full", "collapsed", "stopped", "full"]
