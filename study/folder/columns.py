"""What the parquet tables of a study may hold; the one owner of their column names.

Rows of trials and epochs are filled in `study.folder.tabulate`, those of other facts in
`study.stages`, and those of conclusions in `study.analysis`. What a frame lacks is null in its
table.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

import pandas as pd
import pyarrow as pa

from agecls.classes import EIGHT, Classes
from study.asked.factors import Factor
from study.folder.claim_columns import (
    CHECKS,
    CLAIMS,
    CONTRASTS,
    IMPORTANCE,
    INTERACTIONS,
    LOOKS,
    MARGINALS,
    PAIRS,
    SETTLE,
    SIMPLEST,
)
from study.folder.column import (
    FLAG,
    OF_AN_ORDER,
    REAL,
    TEXT,
    TIME,
    WHOLE,
    Column,
    columns,
    fractions,
    interval,
    keys,
    scores,
    tempered,
    word,
)

Kind = Literal[
    "trials",
    "epochs",
    "confirm",
    "predictions",
    "importance",
    "interactions",
    "marginals",
    "contrasts",
    "simplest",
    "claims",
    "checks",
    "confirmed",
    "external",
    "settle",
    "looks",
    "pairs",
]
"""Which table; `results/NAME/<kind>.parquet` holds it."""

STATUSES: Final = ("completed", "stopped", "failed", "interrupted")
ORIGINS: Final = ("design", "search", "scout", "repeat")
WITH_CONFIG: Final[tuple[Kind, ...]] = ("trials", "settle")
"""Tables with a column per factor."""
WITH_METRIC: Final[tuple[Kind, ...]] = ("trials", "epochs", "confirm", "settle")
"""Tables with a column for the metric of a free study."""
CONFIG_PREFIX: Final = "config/"
REPORTED: Final[tuple[Kind, ...]] = ("trials", "epochs")
"""Tables with a column for whatever else a function reports."""

_TRUE_AND_PREDICTED: Final = ("true", "predicted")
_OF_A_CLASS: Final = "p_<class>"
"""Stands in the schema for the columns of probabilities, one per class."""

SCHEMAS: Final[dict[Kind, tuple[Column, ...]]] = {
    "trials": (
        *keys(TEXT, trial_id="the trial's identity, which survives restarts"),
        *columns(WHOLE, number="place in the plan, from 0; scouts come before, up to -1"),
        *columns(TEXT, arm="name of the trial's arm: its levels joined by hyphens"),
        word(
            "origin",
            "design: drawn before any result and never stopped; search: proposed by the sampler, "
            "may be stopped; scout: to find the ranges; repeat: a configuration once more",
            *ORIGINS,
        ),
        word(
            "status",
            "completed: ran its planned length; stopped: by ASHA; failed: see error; interrupted: "
            "unfinished when this was written",
            *STATUSES,
            is_needed=True,
        ),
        *columns(
            FLAG,
            collapsed="after its last epoch it names one class only, or has learned no more than "
            "the shares of the classes",
        ),
        *columns(
            WHOLE,
            seed="root of the trial's random streams",
            epochs_planned="length of its schedule, epochs",
            epochs_run="epochs that it finished",
        ),
        *fractions(
            val_accuracy="share of validation images whose class is predicted, after the last "
            "epoch that it ran",
            best_val_accuracy="the highest after any of its epochs: the best of several looks, "
            "so it flatters",
        ),
        *columns(WHOLE, best_epoch="the first epoch with that accuracy, from 1"),
        *columns(
            REAL,
            val_loss="negative log-likelihood after the last epoch, nats per validation image",
            val_qwk=f"quadratically weighted kappa after the last epoch{OF_AN_ORDER}",
            val_mae="mean distance of predicted and true class after the last epoch, "
            f"classes{OF_AN_ORDER}",
        ),
        *columns(TEXT, error="why it failed, one line; null if it did not"),
        *columns(TIME, started_at="when it first started", ended_at="when it ended"),
        *columns(
            REAL,
            train_seconds="wall time of its epochs with their validation, seconds",
            images_per_second="training images per second, mean over epochs, validation apart",
        ),
        *columns(TEXT, node="host that ran its last epoch", device="what it ran on there"),
        *columns(REAL, peak_memory_mib="most memory of its process, or of its GPU, MiB"),
        *columns(TEXT, number_format="bfloat16, float32 or both, of products in its last epoch"),
        *columns(
            WHOLE,
            fold="fold of train and val that it was validated on, from 0; null: the own val",
        ),
        *columns(
            FLAG,
            learned="whether its last epoch's metrics are better than naming how common each "
            "class is; false: it hardly learned",
        ),
        *columns(
            TEXT,
            kernels="by which kernels its convolutions were computed: equal if by the same ones; "
            "null on a GPU and for other nets than ours",
        ),
    ),
    "epochs": (
        *keys(TEXT, trial_id="as in trials"),
        *keys(WHOLE, epoch="from 1"),
        *columns(
            REAL,
            learning_rate="of the epoch's last step",
            train_loss="negative log-likelihood, nats per image, whatever the objective; mean "
            "over the epoch's steps, on augmented images",
        ),
        *fractions(train_accuracy="share predicted, likewise over the epoch's steps"),
        *columns(REAL, val_loss="negative log-likelihood, nats per validation image"),
        *fractions(
            val_accuracy="share of validation images whose class is predicted",
            val_accuracy_1off=f"share predicted at most one class off{OF_AN_ORDER}",
        ),
        *columns(
            REAL,
            val_qwk=f"quadratically weighted kappa on validation{OF_AN_ORDER}",
            val_mae="mean distance of predicted and true class on validation, "
            f"classes{OF_AN_ORDER}",
        ),
        *fractions(
            val_macro_f1="mean F1 of the classes that occur in validation",
            val_ece="expected calibration error on validation, 15 bins",
        ),
        *columns(REAL, seconds="wall time with validation, seconds"),
        *fractions(
            val_accuracy_top5="share of validation images whose class is among the five most "
            "probable ones; null for up to ten classes"
        ),
    ),
    "confirm": (
        *keys(TEXT, arm="arm whose chosen configuration was trained again"),
        *keys(WHOLE, seed="its fresh seed"),
        *columns(
            TEXT,
            model="the model's name, as in predictions",
            trial_id="trial of the search whose configuration it has",
        ),
        word("status", "as in trials", *STATUSES),
        *columns(
            FLAG,
            collapsed="as in trials",
            learned="whether the model is better on the validation split than naming how common "
            "each class is; false: it hardly learned",
        ),
        *columns(WHOLE, epochs_planned="as in trials", epochs_run="as in trials"),
        *columns(
            REAL,
            search_value="final value of the study's metric of that trial in the search",
            search_best_value="highest final value of any trial of the arm in the search",
            temperature="T that fits p^(1/T) to the validation split best",
        ),
        *scores("val", "the validation split"),
        *scores("test", "the test split"),
        *tempered("test", "the test split"),
        *scores("test_unique", "test images that no other split has"),
        *tempered("test_unique", "test images that no other split has"),
        *columns(TEXT, error="as in trials"),
        *columns(WHOLE, fold="as in trials; val is then the images of that fold"),
    ),
    "confirmed": (
        *keys(TEXT, arm="the arm that is estimated"),
        *columns(TEXT, against="an arm that is subtracted; null: the arm itself"),
        *keys(
            TEXT,
            split="val or test",
            images="all, or unique: without images whose file another split has too",
            metric="accuracy, macro_f1, nll, ece, recall, and what the temperature makes of nll "
            "and ece; of more than ten classes accuracy_top5; of classes with an order "
            "accuracy_1off, mae, qwk",
        ),
        *columns(TEXT, **{"class": "whose recall it is; null for other metrics"}),
        *interval("in the metric's own unit (fractions, classes, nats)"),
        *columns(
            WHOLE,
            n_seeds="fresh seeds",
            n_images="images",
            n_clusters="independent groups of images (families, persons, identical files)",
        ),
        *columns(
            REAL,
            nets_low="with folds, lower end for these nets on new faces; low and high are of the "
            "recipe on a new training set too",
            nets_high="with folds, upper end likewise",
        ),
        *columns(WHOLE, n_trainings="with folds, trainings that learned; of a pair, of both arms"),
    ),
    "external": (
        *keys(
            TEXT,
            faces="name of the set of other faces; where it lies stands in study.json",
            arm="the arm that is estimated",
        ),
        *columns(TEXT, against="an arm that is subtracted; null: the arm itself"),
        *keys(
            TEXT,
            images="all, or unique: without images whose file the study holds; only where it "
            "holds any",
            metric="as in confirmed",
        ),
        *columns(TEXT, **{"class": "whose recall it is; null for other metrics"}),
        *interval("on the other faces, in the metric's own unit (fractions, classes, nats)"),
        *columns(TEXT, own_split="the study's split that it is compared with: test, or val"),
        *columns(
            REAL,
            own="the same models' estimate there; null for tempered metrics on val, to which the "
            "temperature was fitted",
            change="other faces less own split, paired by seed; below 0 accuracy falls",
            change_low="lower end of its 95 % interval",
            change_high="upper end of its 95 % interval",
        ),
        *columns(
            FLAG,
            is_seen="the models started from weights that were trained on these faces; null: "
            "nobody can tell",
        ),
        *columns(
            WHOLE,
            n_seeds="fresh seeds",
            n_images="images of the other faces",
            n_clusters="independent groups of them",
        ),
    ),
    "predictions": (
        *keys(
            TEXT,
            model="as in confirm",
            split="val (of a training on folds: its fold) or test",
            image="path below the data's folder",
        ),
        *columns(WHOLE, cluster="number that dependent images share: family, person or file"),
        word("true", "name of the image's class", is_needed=True),
        word("predicted", "name of the most probable class", is_needed=True),
        *fractions(**{_OF_A_CLASS: "probability of the class, a column for each"}),
        *columns(FLAG, is_duplicate="another split has a byte-identical file"),
    ),
    "importance": IMPORTANCE,
    "interactions": INTERACTIONS,
    "marginals": MARGINALS,
    "contrasts": CONTRASTS,
    "simplest": SIMPLEST,
    "claims": CLAIMS,
    "checks": CHECKS,
    "settle": SETTLE,
    "looks": LOOKS,
    "pairs": PAIRS,
}
"""The columns of every table but `config/<factor>`, in order; the owner of their names.

`p_<class>` stands for as many as there are classes; see `columns_of`.
"""

KEYS: Final[dict[Kind, tuple[str, ...]]] = {
    "trials": ("trial_id",),
    "epochs": ("trial_id", "epoch"),
    "settle": ("trial_id",),
    "looks": ("claim", "blocks"),
}
"""Columns that together name a row once."""


def names_of(kind: Kind) -> list[str]:
    """The table's columns, without any factor's."""
    return [column.name for column in SCHEMAS[kind]]


def config_column(factor: str) -> str:
    """The column that holds this factor's level."""
    return CONFIG_PREFIX + factor


def factor_type(factor: Factor) -> pa.DataType:
    """Arrow type of a factor's column: one that holds all its levels as they are spelled."""
    if factor.is_numeric:
        return WHOLE if factor.is_whole else REAL
    kinds = {type(level) for level in factor.levels}
    if kinds == {bool}:
        return FLAG
    if kinds == {int}:
        return WHOLE
    return REAL if kinds <= {int, float} else TEXT


def classes_among(names: Iterable[str]) -> Classes:
    """The classes whose probabilities are among a table's columns; the eight, unless others are.

    Tables that other tools wrote may lack the columns of some of the eight, or of all.
    """
    columns = [name for name in names if name.startswith("p_")]
    if set(columns) <= set(EIGHT.columns) or len(columns) < 2:
        return EIGHT
    return Classes.from_columns(columns)


def classes_of(own: Classes, predictions: pd.DataFrame) -> Classes:
    """The classes of a table of predictions: the study's own, unless it has other columns.

    Args:
        own: The study's, which know their years and their order.
        predictions: The table, of which another tool may have been the writer.
    """
    if set(own.columns) <= set(predictions.columns):
        return own
    return Classes.from_columns(predictions.columns)


def columns_of(
    kind: Kind,
    factors: Sequence[Factor] = (),
    classes: Classes = EIGHT,
    metric: str | None = None,
) -> tuple[Column, ...]:
    """All columns of a table in order: with one per factor, or `predictions` one per class.

    The column of a varied factor is needed where the factor always exists: without it nobody
    can say what a trial was. Where a factor does not exist its value is null.
    A `metric` is that of a free study: all that is known of what it measures is that these are
    numbers, whatever column of ours has such a name.
    """
    columns = SCHEMAS[kind]
    if metric is not None and kind in WITH_METRIC:
        own = Column(name=metric, about="the study's metric", type=REAL)
        others = (replace(c, is_fraction=False) for c in columns if c.name != metric)
        columns = (*others, own)
    if kind == "predictions":
        return tuple(_of_classes(columns, classes))
    if kind not in WITH_CONFIG:
        return columns
    place = next(i for i, c in enumerate(columns) if c.name == "epochs_planned")
    config = tuple(
        Column(
            name=config_column(f.name),
            about=f"level of the factor {f.name}; null where it does not exist",
            type=factor_type(f),
            is_needed=f.role != "fixed" and not f.when,
        )
        for f in factors
    )
    return (*columns[:place], *config, *columns[place:])


def _of_classes(columns: Iterable[Column], classes: Classes) -> Iterator[Column]:
    for column in columns:
        if column.name == _OF_A_CLASS:
            yield from fractions(**{f"p_{n}": f"probability of class {n}" for n in classes.names})
        elif column.name in _TRUE_AND_PREDICTED:
            yield replace(column, values=classes.names)
        else:
            yield column
