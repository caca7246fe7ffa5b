"""`python -m tests.simulate.settle_faces`: whole settling stages on drawn faces, truth measured.

The population is a pool of drawn families (`folds_faces`). A study has some of them, a finished
search that tells nothing, and four claims; the real stage trains a cheap net wherever it would
train ours, in five folds, look by look, on disk. The truth of a claim is the contrast of its
design over the means of the rows' recipes, each trained on other families of the pool, as many as
four folds have, and tested on families that it has not seen.

What each factor does to the cheap net: `variant` gives it a hidden layer or none, `epochs` is its
length, `optimizer` doubles the rate, `loss` draws another seed and nothing else, so that its claim
lies exactly at its limit. Runs are kept one file each: the command goes on where it was.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from agecls.classes import EIGHT
from agecls.data.loading import SPLIT_COLUMNS, FaceData, Split
from agecls.files import write_whole
from study.analysis.settle.contrasts import contrast_of
from study.analysis.to_settle import planned_design
from study.asked.study import Study
from study.asked.study_file import load_study
from study.plan.settle_rows import SettleDesign
from study.running.in_process import InProcess
from study.running.steps import PREDICTIONS
from study.stages.settle import Settle
from tests.simulate.folds_faces import (
    CheapRecipe,
    Families,
    families_at,
    predicted,
    probabilities,
    standardised,
    trained,
)
from tests.study.staged import session_at, write_search
from tests.untrained import Untrained

FAMILIES: Final = 60
TESTED: Final = 400
BLOCKS: Final = 6

STUDY: Final = """\
[study]
metric = "val_accuracy"
trials = 4
epochs = 6
[data]
path = "pool"
size = 16
[factors.variant]
role = "arm"
levels = ["org", "bcd"]
[factors.epochs]
role = "tuned"
levels = [3, 6]
[factors.optimizer]
role = "tuned"
levels = ["sgd", "adamw"]
[factors.loss]
role = "tuned"
levels = ["cross_entropy", "focal"]
[factors.lr]
role = "fixed"
value = 0.01
[claims.hidden]
text = "A hidden layer helps by more than a point"
factor = "variant"
better = "bcd"
worse = "org"
least = 1.0
[claims.length]
text = "Half as long does as well"
factor = "epochs"
equal = [3, 6]
within = 1.0
[claims.rate]
text = "Twice the rate helps"
factor = "optimizer"
better = "adamw"
worse = "sgd"
least = 0.5
[claims.luck]
text = "Another seed helps"
factor = "loss"
better = "focal"
worse = "cross_entropy"
least = 0.0
"""

LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "hidden": (1.0, np.inf), "length": (-1.0, 1.0), "rate": (0.5, np.inf), "luck": (0.0, np.inf),
}  # fmt: skip
"""Where each claim holds, points."""


def net_of(config: Mapping[str, Any]) -> CheapRecipe:
    """The cheap net that a recipe stands for."""
    rate = 0.01 if config["optimizer"] == "sgd" else 0.02
    hidden = 16 if config["variant"] == "bcd" else 0
    return CheapRecipe(hidden=hidden, rate=rate, epochs=int(config["epochs"]))


def seed_of(config: Mapping[str, Any], seed: int) -> int:
    """Its seed, which is the other one with the second loss."""
    return seed ^ 0x5EED if config["loss"] == "focal" else seed


class Cheap(Untrained):
    """Trains the cheap net in the place of ours."""

    def step(self) -> dict[str, Any]:
        result, recipe = super().step(), self.config["recipe"]
        if self.scored is not None and self.epoch == recipe["epochs"]:
            data = self.data.fold(self.config["fold"])
            x = standardised(data.images.reshape(len(data.images), -1))
            weights = trained(
                net_of(recipe), x[data.train], data.train_labels, seed_of(recipe, recipe["seed"])
            )
            result[PREDICTIONS] = {"val": probabilities(weights, x[data.val])}
        return result


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The study, and the design that its stage draws.

    Attributes:
        study: As its file says.
        design: Of its claims, all open.
    """

    study: Study
    design: SettleDesign

    @classmethod
    def at(cls, folder: Path) -> "Asked":
        """From a file that is written there."""
        path = folder / "faces.toml"
        path.write_text(STUDY)
        study = load_study(path)
        return cls(study=study, design=planned_design(study, None))

    def effects(self, rows: NDArray[np.float64]) -> dict[str, float]:
        """Of each claim, from what each row's recipe scores (R,)."""
        return {
            column.claim: float(contrast_of(column, self.design.levels).weights @ rows)
            for column in self.design.columns
        }


def true_rows(
    pool: Families, asked: Asked, n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Points of each row's recipe (n, R), each time on fresh families and from one seed."""
    x = pool.inputs
    found = np.zeros((n, len(asked.design.levels)))
    for k in range(n):
        drawn = rng.choice(pool.n, FAMILIES * 4 // 5 + TESTED, replace=False)
        on, tested = (pool.of(part) for part in np.split(drawn, [FAMILIES * 4 // 5]))
        seed = int(rng.integers(2**31))
        for row, levels in enumerate(asked.design.levels):
            weights = trained(net_of(levels), x[on], pool.labels[on], seed_of(levels, seed))
            found[k, row] = 100 * (predicted(weights, x[tested]) == pool.labels[tested]).mean()
    return found


def faces_of(pool: Families, drawn: NDArray[np.int64]) -> FaceData:
    """Some families as a data root would be; the last ones are its val."""
    on = pool.of(drawn)
    family = pool.family[on]
    images = pool.pixels[on].reshape(-1, 16, 16, 3)
    frame = pd.DataFrame(
        {
            "image_path": [f"{n}.jpg" for n in range(len(on))],
            "label": pool.labels[on],
            "person_id": None,
            "family_id": [f"f{one}" for one in family],
            "content": [f"{n}" for n in range(len(on))],
            "cluster": family,
        }
    )[list(SPLIT_COLUMNS)]
    n = int(np.isin(family, drawn[: len(drawn) * 4 // 5]).sum())
    train, val = (
        Split(
            labels=frame["label"].to_numpy()[part],
            frame=frame.iloc[part].reset_index(drop=True),
            classes=EIGHT,
            images=images[part],
        )
        for part in (slice(n), slice(n, None))
    )
    return FaceData(
        train=train, val=val, test=None, images=images, fingerprint="print",
        summary={"root": "pool", "duplicates": {"removed": False}}, quarantine=pd.DataFrame(),
    )  # fmt: skip


def whole_run(pool: Families, asked: Asked, number: int) -> list[dict[str, Any]]:
    """A study of fresh families, settled by the stage; its claims at every look."""
    rng = np.random.default_rng([number, 20])
    data = faces_of(pool, rng.choice(pool.n, FAMILIES, replace=False))
    with TemporaryDirectory() as place:
        folder = Path(place) / "it"
        study = replace(asked.study, seed=number)
        write_search(study, folder, epochs=6, optimizer="sgd", loss="cross_entropy")
        session, _ = session_at(study, folder, data, executor=InProcess(trainer=Cheap))
        assert Settle(trainings=BLOCKS * len(asked.design.rows_of(0)))(session)
        claims, looks = session.tables.claims, session.tables.looks
        assert claims is not None
        assert looks is not None
        last = claims[claims["stage"] == "settle"].set_index("claim")
        shown = ["claim", "blocks", "estimate", "low", "high", "verdict", "n_trainings"]
        return [
            row | {"fragile": bool(last.loc[row["claim"], "fragile"] is True)}
            for row in json.loads(looks[shown].to_json(orient="records"))
        ]


def summary(rows: pd.DataFrame, truths: Mapping[str, float]) -> list[str]:
    """False verdicts at any look, coverage at the end, and what was settled, in lines."""
    truth = rows["claim"].map(truths)
    low, high = (rows["claim"].map({k: v[end] for k, v in LIMITS.items()}) for end in (0, 1))
    holds, is_settled = (truth > low) & (truth < high), rows["verdict"] != "unresolved"
    is_wrong = is_settled & ((rows["verdict"] == "supported") != holds)
    is_wrong |= is_settled & (rows["claim"] == "luck")  # exactly at its limit
    last = rows["blocks"] == rows.groupby("run")["blocks"].transform("max")
    covered = ((rows["low"] <= truth) & (truth <= rows["high"]))[last]
    runs = is_wrong.groupby(rows["run"]).any()
    n_trainings = int(rows[last].groupby("run")["n_trainings"].max().sum())
    lines = [
        f"{len(runs)} runs, {n_trainings:,} trainings",
        f"studies with a wrong verdict at any look: {_share(int(runs.sum()), len(runs))}",
        f"95 % intervals that hold the truth: {_share(int(covered.sum()), len(covered))}",
    ]
    for claim, of in rows[last].groupby("claim"):
        counts = of["verdict"].value_counts().to_dict()
        held = covered[of.index]
        half = float(((of["high"] - of["low"]) / 2).median())
        lines.append(
            f"{claim}: truth {truths[str(claim)]:+.2f}, {counts}, covered "
            f"{_share(int(held.sum()), len(held))}, half-width {half:.2f}"
        )
    return lines


def _share(k: int, n: int) -> str:
    exact = stats.binomtest(k, n).proportion_ci()
    return f"{100 * k / n:.1f} % [{100 * exact.low:.1f}, {100 * exact.high:.1f}] ({k} of {n})"


def main() -> int:
    """Measure the truth once, make the runs that are missing, say what all say; status 0."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulate.settle_faces", description=__doc__
    )
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps all of it")
    parser.add_argument("--families", type=int, default=5000, help="in the pool (5000)")
    parser.add_argument("--trainings", type=int, default=200, help="of each recipe (200)")
    parser.add_argument("--runs", type=int, default=100)
    asked = parser.parse_args()
    asked.state.mkdir(parents=True, exist_ok=True)
    pool = families_at(asked.state / "pool.npz", asked.families)
    of = Asked.at(asked.state)
    path = asked.state / "truth.json"
    if not path.exists():
        rows = true_rows(pool, of, asked.trainings, np.random.default_rng([0, 19]))
        write_whole(path, json.dumps(rows.tolist()).encode())
    rows = np.array(json.loads(path.read_text()))
    each = pd.DataFrame([of.effects(row) for row in rows])
    truths = each.mean().to_dict() | {"luck": 0.0}
    for claim, error in (each.std() / np.sqrt(len(each))).items():
        _say(f"{claim}: truth {each[claim].mean():+.2f}, standard error {error:.2f}")
    found = []
    for number in range(asked.runs):
        kept, started = asked.state / f"run-{number:03}.json", time.process_time()
        if not kept.exists():
            write_whole(kept, json.dumps(whole_run(pool, of, number)).encode())
            _say(f"run {number}: {time.process_time() - started:.1f} CPU s")
        found += [row | {"run": number} for row in json.loads(kept.read_text())]
    for line in summary(pd.DataFrame(found), truths):
        _say(line)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
