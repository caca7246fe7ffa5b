"""What telling pictures otherwise than in training gives or costs.

A study's confirmed nets tell the same pictures as they were trained on, averaged with the mirrored
picture, and shrunk by other resizers than the study's own (Pillow's antialiased bicubic one).
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from agecls.data.loading import Split
from agecls.intervals import Array, Clusters, over_sets
from agecls.use.saved import Classifier, load
from study.asked.study_file import load_study
from study.trainables.study_faces import study_faces

N_DRAWS = 1000

Pictures = NDArray[np.uint8]


def by_pillow(resample: Image.Resampling) -> Callable[[Image.Image, int], Pictures]:
    """Shrinks by one of Pillow's filters, all antialiased but the nearest one."""
    return lambda picture, size: np.asarray(picture.resize((size, size), resample))


def by_plain_linear(picture: Image.Image, size: int) -> Pictures:
    """Linear between the four nearest pixels, as OpenCV's and torch's default: not antialiased."""
    pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None].float()
    small = torch.nn.functional.interpolate(pixels, (size, size), mode="bilinear")
    return small[0].permute(1, 2, 0).round().byte().numpy()


RESIZERS = {
    "nearest pixel": by_pillow(Image.Resampling.NEAREST),
    "linear, not antialiased": by_plain_linear,
    "linear, antialiased": by_pillow(Image.Resampling.BILINEAR),
    "box": by_pillow(Image.Resampling.BOX),
    "Lanczos": by_pillow(Image.Resampling.LANCZOS),
}


def gains(net: Classifier, images: Split, root: Path) -> dict[str, Array]:
    """By how pictures are told: right less right as trained, per image (n,) of -1, 0, 1."""
    labels, pixels = images.labels, np.asarray(images.images)

    def is_right(seen: Pictures, *, flip: bool = False) -> Array:
        named = net.probabilities(seen, flip=flip).argmax(axis=1)
        return np.asarray(named == labels, dtype=np.float64)

    as_trained = is_right(pixels)
    found = {"averaged with the mirrored picture": is_right(pixels, flip=True) - as_trained}
    for name, resize in RESIZERS.items():
        pictures = (Image.open(root / path).convert("RGB") for path in images.frame["image_path"])
        found[name] = is_right(np.stack([resize(p, net.size) for p in pictures])) - as_trained
    return found


def summary(parts: list[tuple[dict[str, Array], NDArray[np.int64]]]) -> pd.DataFrame:
    """Mean gains in points with 95 % intervals, of nets that told the same images.

    Args:
        parts: Of each net its `gains`, and the images' clusters.
    """
    clusters = Clusters.of(parts[0][1])
    draws = clusters.draws(N_DRAWS, np.random.default_rng(0))
    rows = []
    for name in parts[0][0]:
        by_image = 100 * np.stack([gain[name] for gain, _ in parts], axis=1)
        drawn = (draws @ clusters.sums(by_image)) / (draws @ clusters.sizes)[:, None]
        estimate = over_sets(by_image.mean(axis=0), [(drawn, clusters)])
        low, high = estimate.interval()
        row = {"told": name, "points": estimate.value, "low": low, "high": high}
        rows.append(row | {"nets": len(parts), "images": len(by_image), "clusters": clusters.n})
    return pd.DataFrame(rows)


def measured(folder: Path, root: Path) -> pd.DataFrame:
    """Gains of all confirmed nets on the test split."""
    study = load_study(folder / "study.toml")
    faces = study_faces(replace(study, data=str(root)), Console(stderr=True))
    assert faces.test is not None, "the data have no test split"
    parts = []
    for kept in sorted((folder / "models").glob("*/confirmed/*")):
        found = gains(load(kept), faces.test, root)
        parts.append((found, faces.test.frame["cluster"].to_numpy(np.int64)))
        sys.stderr.write(f"{kept}\n")
    return summary(parts)
