"""What figures of fresh seeds and of settling rest on, in words: images, or one number each."""

import pandas as pd

from study.asked.study import Study
from study.report.wording import count


def spread_over(study: Study) -> str:
    """Over what intervals of fresh seeds are, such as `seeds and clusters of images`."""
    if not study.is_free:
        return "seeds and clusters of images"
    return "seeds and folds" if study.folds else "seeds alone"


def scope_sentence(study: Study) -> str:
    """What a score is where no image tells of it, and what no interval covers; else empty."""
    if study.trainable is None:
        return ""
    told = f"A score is what {study.trainable.function} reports of its last epoch."
    if study.folds is None:
        return (
            f"{told} Intervals are over seeds alone: what another training or test set would "
            "change is in none of them."
        )
    return (
        f"{told} Intervals are over seeds and {count(study.folds.k, 'fold')}, for other data of "
        "the same size: what folds share of their training sets is allowed for as Nadeau and "
        "Bengio (2003) do, which no data can check. Examples that hang together across folds make "
        "them too narrow."
    )


def images_in_clusters(n_images: int, n_clusters: int) -> str:
    """Such as `90 images in 30 clusters`, or `90 images` where each is a cluster of its own."""
    images = count(n_images, "image")
    return images if n_images == n_clusters else f"{images} in {count(n_clusters, 'cluster')}"


def clusters_settled_on(n: int, settle: pd.DataFrame | None) -> str:
    """Such as `30 clusters of images`; `90 images` where each is one, as in folds by image.

    Args:
        n: How many clusters.
        settle: The table, which says what each training was tested on.
    """
    told = None if settle is None else settle[["n_images", "n_clusters"]].dropna()
    if told is not None and len(told) and (told["n_images"] == told["n_clusters"]).all():
        return count(n, "image")
    return f"{count(n, 'cluster')} of images"
