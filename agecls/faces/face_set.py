"""A deterministic generator of face-like pictures in the family layout.

What it is: cartoons of heads, a few polygons each, in the folders, tables and file names of a
family-faces data set, so that tests, CI and the demo study run on something that a network has to
learn and that needs nobody's consent. Families share colours, persons keep their traits over the
ages, and a picture shows its age by proportions, hair, lines, skin and clothes, all continuous in
an exact age that is drawn within the class; camera, light, pose and background vary.

What it is not: faces. The curves of age are made up, the pictures are far easier and far more
alike than photographs, and nothing that a study finds on them says anything about people. They can
show that the machinery works, not that a claim about age classification holds.

How hard it is, on `DEFAULT` at 32 px: accuracy on its 421 val pictures (majority 21.4 %) after
training on its 766; batch 32, SGD-Nesterov, decay 5e-4, a tenth of warm-up, then cosine, flips and
shifts by 2 px; one figure per seed 0, 1, 2 (torch 2.14, CPU):

    torchvision resnet50, 3 epochs, zero-gamma, rate 0.05    55.6  57.0  57.0 %
    torchvision resnet50, 3 epochs, rate 0.02                45.4  40.1  37.3 %
    torchvision resnet50, 3 epochs, rate 0.05                43.0  35.9  21.9 %
    three convolutions of 24, 48 and 96, 20 epochs           70.3  71.0  70.8 %
"""

import csv
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final, Literal

from agecls.classes import EIGHT
from agecls.errors import DataLayoutError
from agecls.files import new_folder_beside

DRAWING: Final = 3
"""Counts the changes of what is drawn: an older drawing in a cache is not taken."""

_COLUMNS: Final = ("family_id", "person_id", "age_class", "image_path", "photo_age")
_YEARS: Final = EIGHT.years or ()

Progress = Callable[[int, int], None]
"""Called with pictures drawn and pictures in all."""

FIRST_FAMILY: Final = {"train": 1, "val": 801, "test": 851}
MOST_FAMILIES: Final = {"train": 800, "val": 50, "test": 149}
"""Splits own ranges of family numbers, so no family can stand in two."""

CHILD: Final = (1750, 1332, 871, 243, 65, 6, 0, 0)
PARENT: Final = (230, 327, 632, 771, 850, 442, 67, 19)
GRANDPARENT: Final = (5, 10, 71, 172, 400, 366, 377, 245)
"""How often each generation is seen in each class: near the row counts of the Korean train set,
shifted from e to a so that all classes together come out as common as there."""


@dataclass(frozen=True, kw_only=True)
class FaceSet:
    """What to draw; equal values give equal bytes.

    Attributes:
        families: Families of the train split, three persons each.
        val_families: Families of the val split.
        test_families: Families of the test split; 0: the set has no test split.
        photos: Fewest and most pictures of a person.
        size: Side of a picture in pixels.
        seed: Root of all randomness.
        population: `home`, or `abroad` with other colours and another camera.
        duplicates: Train pictures that stand in train a second time, under another person's name.
        leaks: Train pictures that stand in val, and as many others that stand in test.
    """

    families: int
    val_families: int
    test_families: int
    photos: tuple[int, int] = (5, 8)
    size: int = 64
    seed: int = 0
    population: Literal["home", "abroad"] = "home"
    duplicates: int = 0
    leaks: int = 0

    def __post_init__(self) -> None:
        """Reject a set that cannot be drawn.

        Raises:
            ValueError: A field is out of its range.
        """
        bounds = {
            "families": (self.families, 1, MOST_FAMILIES["train"]),
            "val_families": (self.val_families, 0, MOST_FAMILIES["val"]),
            "test_families": (self.test_families, 0, MOST_FAMILIES["test"]),
            "photos": (self.photos[0], 1, self.photos[1]),
            "size": (self.size, 16, 1024),
            "duplicates": (self.duplicates, 0, math.inf),
            "leaks": (self.leaks, 0, math.inf),
        }
        for name, (value, low, high) in bounds.items():
            if not low <= value <= high:
                raise ValueError(f"`{name}` is {value}; expected {low} <= {name} <= {high}")


DEFAULT: Final = FaceSet(families=39, val_families=21, test_families=21)
SOURCE: Final = FaceSet(families=77, val_families=15, test_families=0, seed=1, population="abroad")


@dataclass(frozen=True)
class _Member:
    split: str
    family: str
    place: int  # 1, 2, 3: the person's number in the family, names the random stream
    role: str
    collected: int  # age in years when the set was collected

    def name(self, letter: str, index: int) -> str:
        """The stem of a picture of this person."""
        return f"{self.family}_AGE_{self.role}_{self.collected}_{letter}{index}"


@dataclass(frozen=True)
class _Photo:
    member: _Member
    label: int
    years: int  # age in the picture
    file: str
    content: bytes

    @property
    def path(self) -> str:
        """The picture's path below the root."""
        return f"{self.member.split}_images/{self.file}"


def draw_face_set(out: Path, faces: FaceSet, *, progress: Progress | None = None) -> None:
    """Draw a set into the folder `out`, which appears complete or not at all.

    Writes `custom_{split}_dataset.csv` (`family_id, person_id, age_class, image_path,
    photo_age`) and `{split}_images/` per split, and `planted.csv` (`kind, copy, original`: paths
    below `out`) if duplicates or leaks are planted.

    Raises:
        DataLayoutError: `out` is a file or a folder with something in it.
        ValueError: There are fewer train pictures than duplicates and leaks to plant.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataLayoutError(f"{out} exists and is not an empty folder; name a new one")
    photos = _photos(faces, progress)
    planted = _plant(photos, faces)
    with new_folder_beside(out) as folder:
        _write(folder, faces, photos, planted)
        if out.exists():
            out.rmdir()
        folder.rename(out)


def _random(faces: FaceSet, *key: object) -> Random:
    """The random stream of one thing; text seeds it alike on every machine and Python."""
    return Random("/".join(map(str, ("agecls.faces", faces.seed, faces.population, *key))))


def _families(faces: FaceSet) -> list[list[_Member]]:
    """Families of three with plausible roles and ages, in the order of the tables."""
    counts = {"train": faces.families, "val": faces.val_families, "test": faces.test_families}
    families = []
    for split, count in counts.items():
        for number in range(FIRST_FAMILY[split], FIRST_FAMILY[split] + count):
            rng = _random(faces, split, number, "ages")
            child = min(max(round(rng.gauss(19, 7)), 5), 40)
            parent = child + rng.randint(23, 34)
            elder = min(parent + rng.randint(22, 30), 92)
            sex = rng.choice("SD")
            kin = [(sex, child)]
            kind = rng.random()
            if kind < 0.46:
                kin += [(rng.choice("MMF"), parent), (rng.choice(("GM", "GM", "GM", "GF")), elder)]
            elif kind < 0.76:
                kin += [("M", parent), ("F", parent + rng.randint(-2, 5))]
            else:
                second = rng.choice("SD")
                younger = max(child - rng.randint(1, 6), 3)
                kin += [(second + "2" * (second == sex), younger), (rng.choice("MF"), parent)]
            families.append(
                [
                    _Member(split, f"F{number:04}", place, role, age)
                    for place, (role, age) in enumerate(kin, start=1)
                ]
            )
    return families


def _ages(member: _Member, count: int, rng: Random) -> list[int]:
    """Ages in years at which a person was photographed, youngest first, none in the future."""
    generation = {"G": GRANDPARENT, "M": PARENT, "F": PARENT}.get(member.role[0], CHILD)
    weights = [
        w * (low <= member.collected) for w, (low, _) in zip(generation, _YEARS, strict=True)
    ]
    classes = rng.choices(range(len(_YEARS)), weights, k=count)
    return sorted(rng.randint(_YEARS[c][0], min(_YEARS[c][1], member.collected)) for c in classes)


def _photos(faces: FaceSet, progress: Progress | None) -> list[_Photo]:
    """Every picture of the set, drawn."""
    from agecls.faces.drawing import draw_face
    from agecls.faces.people import POPULATIONS, draw_person

    population = POPULATIONS[faces.population]
    plan = []
    for family in _families(faces):
        for member in family:
            rng = _random(faces, member.split, member.family, member.place)
            colours = _random(faces, member.split, member.family, "colours")
            male = member.role.removeprefix("G")[0] in "FS" and member.role != "GM"
            person = draw_person(rng, colours, population, male=male)
            ending = rng.choice((".jpg", ".jpg", ".JPG"))
            ages = _ages(member, rng.randint(*faces.photos), rng)
            plan += [(member, person, ending, nth, years) for nth, years in enumerate(ages)]
    photos = []
    seen: Counter[tuple[_Member, int]] = Counter()
    for done, (member, person, ending, nth, years) in enumerate(plan, start=1):
        label = EIGHT.of_years(years)
        assert label is not None
        seen[member, label] += 1
        rng = _random(faces, member.split, member.family, member.place, nth)
        content = draw_face(person, years + rng.random(), population, rng, size=faces.size)
        stem = member.name(EIGHT.names[label], seen[member, label])
        photos.append(_Photo(member, label, years, stem + ending, content))
        if progress is not None:
            progress(done, len(plan))
    return photos


@dataclass(frozen=True)
class _Planted:
    kind: Literal["duplicate", "leak"]
    copy: _Photo
    original: _Photo


def _plant(photos: list[_Photo], faces: FaceSet) -> list[_Planted]:
    """Copies of train pictures under the names of persons of other families; no original twice."""
    wanted = [("duplicate", "train")] * faces.duplicates
    for split, families in (("val", faces.val_families), ("test", faces.test_families)):
        wanted += [("leak", split)] * (faces.leaks if families else 0)
    rng = _random(faces, "planted")
    originals = [p for p in photos if p.member.split == "train"]
    rng.shuffle(originals)
    members = list(dict.fromkeys(p.member for p in photos))
    taken = Counter((p.member, p.label) for p in photos)
    planted: list[_Planted] = []
    for kind, split in wanted:
        hosts: list[_Member] = []
        while not hosts:
            if not originals:
                raise ValueError(
                    f"only {len(planted)} of {len(wanted)} duplicates and leaks fit into "
                    f"{faces.families} train families; ask for fewer or draw more families"
                )
            original = originals.pop()
            hosts = [
                m
                for m in members
                if m.split == split
                and m.family != original.member.family
                and m.collected >= _YEARS[original.label][0]
            ]
        host = rng.choice(hosts)
        taken[host, original.label] += 1
        stem = host.name(EIGHT.names[original.label], taken[host, original.label])
        copy = replace(original, member=host, file=stem + Path(original.file).suffix)
        planted.append(_Planted("duplicate" if kind == "duplicate" else "leak", copy, original))
    return planted


def _write(out: Path, faces: FaceSet, photos: list[_Photo], planted: list[_Planted]) -> None:
    """The three folders and their tables, and the list of what was planted."""
    everything = sorted([*photos, *(p.copy for p in planted)], key=lambda photo: photo.path)
    for split in FIRST_FAMILY:
        rows = [photo for photo in everything if photo.member.split == split]
        if not rows:
            continue
        (out / f"{split}_images").mkdir()
        for photo in rows:
            (out / photo.path).write_bytes(photo.content)
        _write_table(
            out / f"custom_{split}_dataset.csv",
            _COLUMNS,
            [
                (p.member.family, p.member.role, EIGHT.names[p.label], p.file, str(p.years))
                for p in rows
            ],
        )
    if planted:
        _write_table(
            out / "planted.csv",
            ("kind", "copy", "original"),
            [(p.kind, p.copy.path, p.original.path) for p in planted],
        )


def _write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
