"""Small pictures and data sets that tests write; none of them shows anybody."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def picture_bytes(seed: int, *, width: int = 16, height: int = 16, kind: str = "PNG") -> bytes:
    """A picture of coloured noise, another one for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), kind)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The file of an image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def write_picture(path: Path, seed: int = 0) -> Path:
    """A file of noise, in folders made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes(seed))
    return path


def write_family_csv(
    root: Path, split: str, rows: Iterable[Sequence[str]], *, encoding: str = "utf-8"
) -> Path:
    """A family CSV of rows (family, role, class, file name) as they are, without pictures."""
    root.mkdir(parents=True, exist_ok=True)
    (root / f"{split}_images").mkdir(exist_ok=True)
    lines = ["family_id,person_id,age_class,image_path", *(",".join(row) for row in rows)]
    path = root / f"custom_{split}_dataset.csv"
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def write_family_set(
    root: Path,
    split: str,
    rows: Sequence[Sequence[str]],
    *,
    seeds: Sequence[int] | None = None,
) -> Path:
    """A family CSV with its pictures; equal seeds make identical files."""
    for number, row in enumerate(rows):
        seed = number if seeds is None else seeds[number]
        write_picture(root / f"{split}_images" / row[3], seed)
    write_family_csv(root, split, rows)
    return root


def family_rows(n_families: int, *, first: int = 1, letters: str = "abcd") -> list[list[str]]:
    """Rows of families that have a daughter seen once in each class."""
    return [
        [f"F{number:04}", "D", letter, f"F{number:04}_AGE_D_30_{letter}1.jpg"]
        for number in range(first, first + n_families)
        for letter in letters
    ]


def draw_zoo(root: Path, *, names: Sequence[str] = ("cat", "dog", "emu"), n: int = 20) -> Path:
    """A folder for each class, of noisy pictures of its colour; nothing in them is an animal."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        tint = np.array([number % 3 == 0, number % 3 == 1, number % 3 == 2]) * 120
        tint = tint + 40 * (number // 3) % 120
        for picture in range(n):
            pixels = rng.integers(0, 80, (32, 32, 3)) + tint
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{picture}.png")
    return root
