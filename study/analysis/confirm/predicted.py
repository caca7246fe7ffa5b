"""What confirmed models say image by image: which class for which, and how sure against how right.

Both tables are of the models of one arm together, on all images of a split. Confidence is the
largest probability; its bins are those of the expected calibration error (`agecls.metrics`), so
that a curve of `reliability` and the ECE beside it tell of the same gaps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.classes import Classes
from agecls.intervals import Array, Clusters, two_level
from agecls.metrics import ECE_BINS, confidence_gaps, confusion
from study.analysis.confirm.folded import joined
from study.analysis.confirm.scored import is_folded
from study.analysis.confirm.scoring import score_interval, tempered

FEWEST_IMAGES: Final = 5
"""Images of a bin in every model without which its share of hits says nothing."""

CONFUSION_COLUMNS: Final = [
    "arm", "split", "true", "predicted", "share", "n_images", "n_seeds",
]  # fmt: skip
RELIABILITY_COLUMNS: Final = [
    "arm", "split", "tempered", "confidence", "accuracy", "low", "high", "n_images", "n_seeds",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Two tidy frames; shares and accuracies are fractions.

    Attributes:
        confusion: `arm, split, true, predicted, share` (of the true class's images, mean over
            seeds), `n_images` (of the true class), `n_seeds`; classes without images are absent,
            and so are pairs of two classes of which the second was never named.
        reliability: A bin of confidence: `arm, split, tempered` (whether at the temperature
            fitted to val; never of val itself), `confidence` (mean), `accuracy` with its 95 %
            interval `low, high` over clusters and seeds, `n_images` (per model, mean), `n_seeds`.
            Bins with fewer than FEWEST_IMAGES images in any model are absent.
        classes: That the models tell apart.
    """

    confusion: pd.DataFrame
    reliability: pd.DataFrame
    classes: Classes


def describe_predictions(
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    classes: Classes,
    seed: int,
    n_draws: int = 1000,
) -> Predicted:
    """The frames of every arm and split.

    Args:
        models: `arm, model, temperature` of the models trained to their end, in reading order;
            with folds `seed` and `fold` too.
        predictions: As `predictions.parquet`.
        classes: That the models tell apart.
        seed: Of the draws of clusters.
        n_draws: How many.
    """
    rng, columns = np.random.default_rng(seed), list(classes.columns)
    known = models[models["model"].isin(predictions["model"]) & models["temperature"].notna()]
    tables: list[pd.DataFrame] = []
    reliability: list[dict[str, object]] = []
    by_image = predictions.sort_values("image", kind="stable")
    for split in ("val", "test"):
        rows, scored = by_image[by_image["split"] == split], known
        if split == "val" and is_folded(known):
            scored, rows = joined(known, rows)
        by_model = dict(list(rows.groupby("model", sort=False)))
        of_split = scored[scored["model"].isin(by_model)]
        if of_split.empty:
            continue
        first = by_model[of_split["model"].iloc[0]]
        labels = pd.Categorical(first["true"], categories=classes.names).codes.astype(np.int64)
        clusters = Clusters.of(first["cluster"].to_numpy(dtype=np.int64))
        draws = clusters.draws(n_draws, rng)
        for arm, of_arm in of_split.groupby("arm", sort=False):
            p = np.stack([by_model[m][columns].to_numpy(dtype=float) for m in of_arm["model"]])
            n_seeds = of_arm["seed"].nunique() if is_folded(of_arm) else len(p)
            named: dict[str, object] = {"arm": arm, "split": split, "n_seeds": n_seeds}
            tables.append(_confusion(labels, p, classes).assign(**named))
            heats = of_arm["temperature"].to_numpy(dtype=float)
            warm = np.stack([tempered(q, t) for q, t in zip(p, heats, strict=True)])
            for is_tempered, q in ((False, p), (True, warm)):
                if is_tempered and split == "val":  # the temperature was fitted to val itself
                    continue
                found = _reliability(labels, q, clusters, draws)
                reliability += [named | {"tempered": is_tempered} | row for row in found]
    return Predicted(
        confusion=pd.concat(tables, ignore_index=True)[CONFUSION_COLUMNS]
        if tables
        else pd.DataFrame(columns=CONFUSION_COLUMNS),
        reliability=pd.DataFrame(reliability, columns=RELIABILITY_COLUMNS),
        classes=classes,
    )


def _confusion(labels: NDArray[np.int64], p: Array, classes: Classes) -> pd.DataFrame:
    """Rows of one arm from its models' probabilities (K, n, N)."""
    everyone = np.tile(labels, len(p))
    counted = confusion(everyone, p.argmax(axis=2).ravel(), n_classes=len(classes))
    of_class = np.bincount(labels, minlength=len(classes))
    # of 1,000 classes all pairs would be a million rows an arm, nearly all of them of nothing
    is_told = (counted > 0) | np.diag(of_class > 0)
    true, named = np.nonzero(is_told)
    names = np.array(classes.names, dtype=object)
    return pd.DataFrame(
        {
            "true": names[true],
            "predicted": names[named],
            "share": counted[true, named] / counted.sum(axis=1)[true],
            "n_images": of_class[true],
        }
    )


def _reliability(
    labels: NDArray[np.int64], p: Array, clusters: Clusters, draws: Array
) -> Iterator[dict[str, object]]:
    """Rows of one arm from its models' probabilities (K, n, N) and draws of clusters (B, C)."""
    confidence, is_hit = p.max(axis=2), p.argmax(axis=2) == labels
    bins, _ = confidence_gaps(labels, p)
    for b in range(ECE_BINS):
        inside = bins == b
        n = inside.sum(axis=1)
        if n.min() < FEWEST_IMAGES:
            continue
        hits = inside & is_hit
        drawn_n = draws @ clusters.sums(inside.T.astype(float))
        drawn_hits = draws @ clusters.sums(hits.T.astype(float))
        is_defined = (drawn_n > 0).all(axis=1)  # a draw may miss all images of a bin
        if is_defined.sum() < 2:
            continue
        drawn = drawn_hits[is_defined] / drawn_n[is_defined]
        estimate = two_level(hits.sum(axis=1) / n, drawn, clusters)
        low, high = score_interval(
            "accuracy",
            estimate,
            n_images=int(n.mean()),
            n_clusters=len(np.unique(clusters.of_image[inside.any(axis=0)])),
        )
        yield {
            "confidence": float(confidence[inside].mean()),
            "accuracy": estimate.value,
            "low": low,
            "high": high,
            "n_images": float(n.mean()),
        }
