"""Effects of known size, through all of the confirm stage that makes tables and verdicts."""

import numpy as np
import pytest
import torch

from agecls.data.loading import Reading, load_data
from agecls.data.whole_set import load_whole
from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.training.loop import fit, predict, start
from study.analysis import conclude
from study.analysis.search.chosen import choose
from study.asked.study_file import load_study
from study.folder.folder import Folder
from study.folder.parquet import read_table, write_table
from study.folder.record import TrialRecord
from study.folder.tables import read_study
from study.plan.space import recipe_of
from study.stages.keeping import write_facts
from tests.small_studies import plain_toml
from tests.study import staged
from tests.study.analysis.confirm.test_confirmed import drawn

THREE_ARMS = f"""
{plain_toml(trials=6, arms=("org", "bcd", "bcd_seed"))}[claims.better]
text = "The third is better"
factor = "variant"
better = "bcd_seed"
worse = "org"
least = 1.0
[claims.null]
text = "The second is better than its twin"
factor = "variant"
better = "bcd"
worse = "org"
least = 0.0
[claims.twins]
text = "The first two are alike"
factor = "variant"
equal = ["org", "bcd"]
within = 0.5
"""
TRUTH = {"org": 0.45, "bcd": 0.45, "bcd_seed": 0.57}
WORLDS = 8


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """`confirmed` and `claims` of several studies whose arms have the accuracies of TRUTH."""
    root = tmp_path_factory.mktemp("planted")
    (root / "it.toml").write_text(THREE_ARMS)
    study = load_study(root / "it.toml")
    found = []
    for world in range(WORLDS):
        folder = root / f"world{world}"
        staged.write_search(study, folder, lr=0.01)
        models, predictions = drawn(TRUTH, n_seeds=4, n=480, seed=world, spread=0.06)
        trials = []
        for number, row in enumerate(models.to_dict("records")):
            trial = TrialRecord(number, row["arm"], "confirm", {}, row["seed"], 2, 0.0)
            trial.epochs = [{"collapsed": False}] * 2
            trial.end = {"status": "completed", "error": None, "at": 0.0}
            trials.append(trial)
            part = predictions[predictions["model"] == row["model"]]
            path = Folder(folder).confirm.predictions(trial.trial_id)
            write_table(path, part, "predictions", study_name="it")
        tables = read_study(folder)
        choices = choose(study, tables.trials, tables.epochs, seed=0)
        write_facts(study, Folder(folder), choices, trials)
        conclude(folder)
        found.append({k: read_table(folder / f"{k}.parquet", k) for k in ("confirmed", "claims")})
    return found


def accuracies(world, arm, against=None):
    frame = world["confirmed"]
    other = frame["against"].isna() if against is None else frame["against"] == against
    rows = frame[other & (frame["arm"] == arm) & (frame["metric"] == "accuracy")]
    (row,) = rows[(rows["split"] == "test") & (rows["images"] == "all")].to_dict("records")
    return row


def test_intervals_of_every_arm_and_pair_hold_the_planted_accuracies(worlds):
    asked = [(arm, None, share) for arm, share in TRUTH.items()]
    asked += [("org", "bcd", 0.0), ("org", "bcd_seed", -0.12), ("bcd", "bcd_seed", -0.12)]
    hits = {}
    for arm, against, truth in asked:
        rows = [accuracies(world, arm, against) for world in worlds]
        hits[arm, against] = sum(row["low"] <= truth <= row["high"] for row in rows)
        # near the truth on average, too: four standard errors of the mean over worlds
        error = np.mean([row["high"] - row["low"] for row in rows]) / 2 / 2 / np.sqrt(WORLDS)
        assert abs(np.mean([row["estimate"] for row in rows]) - truth) < 4 * error
    # of 8 intervals of 95 % fewer than 6 hold the truth once in 170; arms share their images
    assert min(hits.values()) >= 6
    assert sum(hits.values()) >= 0.85 * WORLDS * len(asked)


def test_the_better_arm_is_found_and_the_null_pair_is_not_called_different(worlds):
    found = [
        w["claims"][w["claims"]["stage"] == "confirm"].set_index("claim")["verdict"]
        for w in worlds
    ]
    better = [verdicts["better"] for verdicts in found]
    assert better.count("supported") >= WORLDS - 1
    assert "refuted" not in better
    # a true difference of zero: a verdict that it is above, below or not zero is wrong. Any wrong
    # one in a study has a chance of 5 %, so two in eight studies one of 6 %
    wrong = [v["null"] != "unresolved" or v["twins"] == "refuted" for v in found]
    assert sum(wrong) <= 1


REAL = """
[study]
trials = 8
epochs = 3
[data]
path = "{data}"
size = 16
[factors.lr]
role = "arm"
levels = [0.00001, 0.003]
[factors.momentum]  # AdamW's first beta; a millionth of it has no effect but rounding
role = "arm"
levels = [0.9, 0.900001]
[factors.weight_decay]
role = "tuned"
levels = [0.01, 0.02]
[factors.optimizer]
role = "fixed"
value = "adamw"
[factors.depth]
role = "fixed"
value = 18
[factors.batch_size]
role = "fixed"
value = 16
[claims.rate]
text = "The rate at which nets learn is better"
factor = "lr"
better = 0.003
worse = 0.00001
least = 5.0
[claims.momentum]
text = "A millionth more momentum helps"
factor = "momentum"
better = 0.900001
worse = 0.9
least = 0.0
[claims.twins]
text = "A millionth more momentum does nothing"
factor = "momentum"
equal = [0.9, 0.900001]
within = 0.5
"""


def accuracy_elsewhere(study, arm, data, images, labels, seeds):
    """Accuracies on many images of an arm's models on seeds of their own."""
    config = dict(arm)
    found = []
    for seed in seeds:
        state = start(recipe_of(study, config, seed), data)
        list(fit(state, data))
        found.append(float((predict(state, images).argmax(axis=1) == labels).mean()))
    return np.array(found)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nets_that_really_train_on_drawn_faces_get_intervals_that_hold_the_truth(tmp_path):
    """The truth: eight other seeds of each arm on 2,000 other faces of the same kind."""
    torch.set_num_threads(1)
    small = FaceSet(families=20, val_families=8, test_families=30, size=16)
    draw_face_set(tmp_path / "faces", small)
    draw_face_set(
        tmp_path / "many", FaceSet(families=110, val_families=0, test_families=0, size=16, seed=5)
    )
    (tmp_path / "it.toml").write_text(REAL.format(data=tmp_path / "faces"))
    study = load_study(tmp_path / "it.toml")
    folder = tmp_path / "results"
    staged.write_search(study, folder, weight_decay=0.01)
    data = load_data(tmp_path / "faces", Reading(size=16))
    staged.confirm_here(study, folder, data, n_seeds=3)

    many = load_whole(tmp_path / "many", size=16).images
    tables = read_study(folder)
    choices = choose(study, tables.trials, tables.epochs, seed=0)
    by_rate = {c.cell["lr"]: c.config for c in choices if c.cell["momentum"] == 0.9}
    truth = {
        rate: accuracy_elsewhere(
            study, config, data.arrays(), many.images, many.labels, range(100, 108)
        )
        for rate, config in by_rate.items()
    }
    frame = read_table(folder / "confirmed.parquet", "confirmed")
    is_asked = (frame["metric"] == "accuracy") & (frame["split"] == "test")
    frame = frame[is_asked & (frame["images"] == "all")]
    for rate, seeds in truth.items():
        (row,) = frame[(frame["arm"] == f"{rate}-0.9") & frame["against"].isna()].to_dict(
            "records"
        )
        slack = 2 * seeds.std(ddof=1) / np.sqrt(len(seeds))  # the truth is measured, too
        assert row["low"] - slack <= seeds.mean() <= row["high"] + slack
    gain = truth[0.003] - truth[1e-5]
    claims = tables.claims.set_index(["claim", "stage"])
    learned = claims.loc[("rate", "confirm")]
    slack = 200 * gain.std(ddof=1) / np.sqrt(len(gain))
    assert learned["low"] - slack <= 100 * gain.mean() <= learned["high"] + slack
    assert learned["verdict"] == "supported"
    # the null pair is not called different; chance of a wrong verdict 5 %, and seeds are fixed
    null = claims.loc[("momentum", "confirm")]
    assert null["low"] <= 0 <= null["high"]
    assert null["verdict"] == "unresolved"
    assert claims.loc[("twins", "confirm"), "verdict"] != "refuted"
