import csv
import io
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import RidgeClassifier

from agecls.classes import EIGHT
from agecls.errors import DataLayoutError
from agecls.faces import drawing
from agecls.faces.__main__ import main
from agecls.faces.drawing import draw_face
from agecls.faces.face_set import DEFAULT, SOURCE, FaceSet, draw_face_set
from agecls.faces.people import HOME, Person, draw_person

SMALL = FaceSet(families=6, val_families=4, test_families=4, size=32)


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def rows_by_split(root: Path) -> dict[str, list[dict[str, str]]]:
    return {s: table(root / f"custom_{s}_dataset.csv") for s in ("train", "val", "test")}


def identical_pairs(root: Path) -> set[frozenset[str]]:
    alike = defaultdict(list)
    for path, content in files(root).items():
        if path.lower().endswith(".jpg"):
            alike[content].append(path)
    return {frozenset(paths) for paths in alike.values() if len(paths) > 1}


def arrays(root: Path, split: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    rows = table(root / f"custom_{split}_dataset.csv")
    images = []
    for row in rows:
        with Image.open(root / f"{split}_images" / row["image_path"]) as image:
            images.append(np.asarray(image.resize((size, size), Image.Resampling.BOX)))
    labels = [EIGHT.names.index(row["age_class"]) for row in rows]
    return np.stack(images), np.array(labels)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("faces") / "small"
    draw_face_set(out, SMALL)
    return out


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("faces") / "default"
    draw_face_set(out, DEFAULT)
    return out


def test_equal_sets_are_equal_byte_for_byte(small: Path, tmp_path: Path) -> None:
    draw_face_set(tmp_path / "again", SMALL)
    assert files(tmp_path / "again") == files(small)


def test_other_seeds_and_populations_share_no_picture(small: Path, tmp_path: Path) -> None:
    draw_face_set(tmp_path / "seed", replace(SMALL, seed=7))
    draw_face_set(tmp_path / "abroad", replace(SMALL, population="abroad"))
    contents = [
        {c for name, c in files(root).items() if not name.endswith(".csv")}
        for root in (small, tmp_path / "seed", tmp_path / "abroad")
    ]
    assert not contents[0] & contents[1]
    assert not contents[0] & contents[2]


def test_a_family_looks_the_same_however_many_families_are_drawn(
    small: Path, tmp_path: Path
) -> None:
    draw_face_set(tmp_path / "fewer", replace(SMALL, families=2, test_families=0))
    fewer, more = files(tmp_path / "fewer"), files(small)
    pictures = [name for name in fewer if "images/" in name]
    assert pictures
    assert all(fewer[name] == more[name] for name in pictures)


def test_file_names_say_what_the_tables_say(small: Path) -> None:
    for split, rows in rows_by_split(small).items():
        assert rows
        on_disk = sorted(p.name for p in (small / f"{split}_images").iterdir())
        assert on_disk == sorted(row["image_path"] for row in rows)
        for row in rows:
            stem, _, ending = row["image_path"].partition(".")
            family, age_word, role, _, shot = stem.split("_")
            assert (family, age_word, role) == (row["family_id"], "AGE", row["person_id"])
            assert shot[0] == row["age_class"]
            assert int(shot[1:]) >= 1
            assert ending in ("jpg", "JPG")


def test_both_spellings_of_the_ending_occur(small: Path) -> None:
    assert {Path(name).suffix for name in files(small)} == {".csv", ".jpg", ".JPG"}


def test_nobody_is_older_in_a_picture_than_when_collected(default: Path) -> None:
    for rows in rows_by_split(default).values():
        for row in rows:
            collected = int(row["image_path"].split("_")[3])
            assert EIGHT.years[EIGHT.names.index(row["age_class"])][0] <= collected


def test_no_family_stands_in_two_splits(default: Path) -> None:
    families = [{row["family_id"] for row in rows} for rows in rows_by_split(default).values()]
    assert [len(f) for f in families] == [39, 21, 21]
    assert len(set.union(*families)) == 81


def test_a_person_has_one_collected_age_and_children_are_younger_than_parents(
    default: Path,
) -> None:
    ages: dict[str, dict[str, int]] = defaultdict(dict)
    for rows in rows_by_split(default).values():
        for row in rows:
            age = int(row["image_path"].split("_")[3])
            assert ages[row["family_id"]].setdefault(row["person_id"], age) == age
    for family in ages.values():
        children = [a for role, a in family.items() if role[0] in "SD"]
        parents = [a for role, a in family.items() if role in ("M", "F")]
        elders = [a for role, a in family.items() if role in ("GM", "GF")]
        assert len(family) == 3
        assert len(parents) > 0
        assert min(parents) - max(children) >= 18
        assert all(elder - max(parents) >= 20 for elder in elders)


def test_classes_are_as_common_as_in_the_family_set(default: Path) -> None:
    real = np.array([2121, 1951, 1728, 1216, 1487, 814, 444, 264]) / 10025
    rows = rows_by_split(default)
    for split, (low, high) in {"train": (700, 800), "val": (380, 440), "test": (380, 440)}.items():
        count = Counter(row["age_class"] for row in rows[split])
        shares = np.array([count[c] for c in EIGHT.names]) / len(rows[split])
        assert low <= len(rows[split]) <= high
        assert np.abs(shares - real).max() < 0.05
        assert 0.19 < shares.max() < 0.27


def test_the_source_set_is_larger_and_has_no_test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "draw_face", lambda *args, **kwargs: b"")
    draw_face_set(tmp_path / "source", SOURCE)
    assert not (tmp_path / "source" / "custom_test_dataset.csv").exists()
    assert 1400 <= len(table(tmp_path / "source" / "custom_train_dataset.csv")) <= 1600
    assert len(table(tmp_path / "source" / "custom_val_dataset.csv")) > 200


def test_pictures_have_the_size_asked_for(small: Path) -> None:
    for name, content in files(small).items():
        if "images/" in name:
            with Image.open(io.BytesIO(content)) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (32, 32))


def test_nothing_is_planted_unless_asked_for(small: Path) -> None:
    assert identical_pairs(small) == set()
    assert not (small / "planted.csv").exists()


def test_exactly_the_planted_files_are_identical(tmp_path: Path) -> None:
    draw_face_set(tmp_path / "set", replace(SMALL, duplicates=7, leaks=4))
    planted = table(tmp_path / "set" / "planted.csv")
    assert identical_pairs(tmp_path / "set") == {
        frozenset((row["copy"], row["original"])) for row in planted
    }
    folders = Counter((row["kind"], row["copy"].split("/")[0]) for row in planted)
    assert folders == {
        ("duplicate", "train_images"): 7,
        ("leak", "val_images"): 4,
        ("leak", "test_images"): 4,
    }
    assert all(row["original"].startswith("train_images/") for row in planted)


def test_a_planted_copy_is_a_row_of_another_family_with_the_same_class(tmp_path: Path) -> None:
    draw_face_set(tmp_path / "set", replace(SMALL, duplicates=7, leaks=4))
    rows = {
        f"{split}_images/{row['image_path']}": row
        for split, part in rows_by_split(tmp_path / "set").items()
        for row in part
    }
    for planted in table(tmp_path / "set" / "planted.csv"):
        copy, original = rows[planted["copy"]], rows[planted["original"]]
        assert copy["family_id"] != original["family_id"]
        assert copy["age_class"] == original["age_class"]
        collected = int(copy["image_path"].split("_")[3])
        assert EIGHT.years[EIGHT.names.index(copy["age_class"])][0] <= collected


def test_planting_leaves_the_other_pictures_alone(small: Path, tmp_path: Path) -> None:
    draw_face_set(tmp_path / "set", replace(SMALL, duplicates=3, leaks=2))
    with_planted = files(tmp_path / "set")
    assert all(with_planted[n] == c for n, c in files(small).items() if not n.endswith(".csv"))


def test_more_plants_than_pictures_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of 5000 duplicates and leaks fit into 6 train families"):
        draw_face_set(tmp_path / "set", replace(SMALL, duplicates=5000))
    assert list(tmp_path.iterdir()) == []


def test_a_person_keeps_one_set_of_traits_and_relatives_share_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Person] = []

    def note(person: Person, *args: object, **kwargs: object) -> bytes:
        drawn.append(person)
        return str(len(drawn)).encode()

    monkeypatch.setattr(drawing, "draw_face", note)
    draw_face_set(tmp_path / "set", SMALL)
    traits: dict[tuple[str, str], set[Person]] = defaultdict(set)
    for split, rows in rows_by_split(tmp_path / "set").items():
        for row in rows:
            nth = int((tmp_path / "set" / f"{split}_images" / row["image_path"]).read_bytes())
            traits[row["family_id"], row["person_id"]].add(drawn[nth - 1])
    assert len(traits) == 14 * 3
    assert all(len(persons) == 1 for persons in traits.values())
    assert len(set.union(*traits.values())) == len(traits)
    skins: dict[str, list[float]] = defaultdict(list)
    for (family, _), (person,) in traits.items():
        skins[family].append(person.skin[0])
    within = np.mean([np.std(skin) for skin in skins.values()])
    assert within < 0.8 * np.std(list(skins.values()))


def test_the_look_is_continuous_across_a_class_border() -> None:
    person = draw_person(Random(1), Random(2), HOME, male=True)

    def mean_face(years: float) -> np.ndarray:
        shots = [draw_face(person, years, HOME, Random(k), size=32) for k in range(20)]
        return np.mean([np.asarray(Image.open(io.BytesIO(s)), dtype=float) for s in shots], 0)

    assert EIGHT.of_years(12) != EIGHT.of_years(13)
    step = np.abs(mean_face(12.99) - mean_face(13.01)).mean()
    decade = np.abs(mean_face(8.0) - mean_face(18.0)).mean()
    assert step < 0.2 * decade


def test_at_least_400_pictures_a_second_are_drawn() -> None:
    person = draw_person(Random(1), Random(2), HOME, male=True)
    rates = []
    for _ in range(3):  # the best of three, since other processes slow one down
        start = time.process_time()
        for k in range(60):
            draw_face(person, k, HOME, Random(k), size=64)
        rates.append(60 / (time.process_time() - start))
    assert max(rates) > 400


def test_coarse_colours_alone_tell_more_than_the_majority_and_not_all(default: Path) -> None:
    (x, y), (val_x, val_y) = (arrays(default, s, 4) for s in ("train", "val"))
    model = RidgeClassifier(alpha=1.0).fit(x.reshape(len(x), -1) / 255, y)
    accuracy = model.score(val_x.reshape(len(val_x), -1) / 255, val_y)
    majority = np.bincount(val_y).max() / len(val_y)
    assert majority + 0.2 < accuracy < 0.75


@pytest.mark.parametrize("content", [None, "file"])
def test_a_folder_with_content_or_a_file_is_refused_in_one_line(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    if content is None:
        out.mkdir()
        (out / "mine.txt").write_text("keep")
    else:
        out.write_text(content)
    with pytest.raises(DataLayoutError, match="not an empty folder"):
        draw_face_set(out, SMALL)
    assert main([str(out)]) == 2
    assert capsys.readouterr().err == (
        f"agecls.faces: {out} exists and is not an empty folder; name a new one\n"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert main([str(tmp_path / "out"), "--families", "1", "--size", "16"]) == 0
    assert (tmp_path / "out" / "custom_test_dataset.csv").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_command_draws_what_its_flags_ask_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"families": 5, "size": 24, "seed": 3, "duplicates": 2, "leaks": 1}
    flags = [part for name, value in asked.items() for part in (f"--{name}", str(value))]
    assert main([str(tmp_path / "a"), *flags]) == 0
    wanted = FaceSet(**asked, val_families=3, test_families=3)
    draw_face_set(tmp_path / "b", wanted)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert capsys.readouterr() == ("", "")


def test_the_source_flag_draws_the_other_population(tmp_path: Path) -> None:
    assert main([str(tmp_path / "a"), "--source", "--families", "2", "--size", "16"]) == 0
    wanted = replace(SOURCE, families=2, val_families=1, size=16)
    draw_face_set(tmp_path / "b", wanted)
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--families", "0"], "`families` is 0; expected 1 <= families <= 800"),
        (["--families", "801"], "`families` is 801; expected 1 <= families <= 800"),
        (["--size", "8"], "`size` is 8; expected 16 <= size <= 1024"),
        (["--leaks", "-1"], "`leaks` is -1; expected 0 <= leaks <= inf"),
    ],
)
def test_values_out_of_range_are_refused_in_one_line(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "out"), *flags]) == 2
    assert capsys.readouterr().err == f"agecls.faces: {message}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["out", "--size", "big"], ["out", "--nonsense"]])
def test_a_malformed_command_line_is_refused_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_interrupt_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = []

    def write_until_interrupted(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) == 5:
            raise KeyboardInterrupt
        return len(content)

    monkeypatch.setattr(Path, "write_bytes", write_until_interrupted)
    assert main([str(tmp_path / "out"), "--families", "1", "--size", "16"]) == 130
    assert len(written) == 5
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err.startswith("agecls.faces: interrupted")


def test_a_disk_error_is_a_failure_that_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_space(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", no_space)
    out = tmp_path / "out"
    assert main([str(out), "--families", "1", "--size", "16"]) == 1
    assert capsys.readouterr().err == f"agecls.faces: {out}: No space left on device\n"
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    draw_face_set(
        tmp_path / "out",
        replace(SMALL, families=1, val_families=0, test_families=0),
        progress=lambda done, total: calls.append((done, total)),
    )
    n = len(table(tmp_path / "out" / "custom_train_dataset.csv"))
    assert calls == [(done, n) for done in range(1, n + 1)]


def test_help_loads_neither_numpy_nor_pillow() -> None:
    script = (
        "import sys, agecls.faces.__main__ as command\n"
        "try: command.main(['--help'])\n"
        "except SystemExit as left: assert left.code == 0\n"
        "assert not {'numpy', 'PIL', 'torch', 'pandas'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "--duplicates N" in done.stdout


@pytest.mark.slow
def test_a_small_network_learns_well_above_the_majority_and_not_perfectly(default: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    (x, y), (val_x, val_y) = (
        (torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1, torch.from_numpy(labels))
        for images, labels in (arrays(default, split, 32) for split in ("train", "val"))
    )
    layers: list[torch.nn.Module] = []
    for before, after in ((3, 24), (24, 48), (48, 96)):
        layers += [
            torch.nn.Conv2d(before, after, 3, padding=1),
            torch.nn.BatchNorm2d(after),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
        ]
    net = torch.nn.Sequential(
        *layers, torch.nn.Flatten(), torch.nn.Linear(96 * 16, len(EIGHT.names))
    )
    steps = 12 * (len(y) // 32)
    optimizer = torch.optim.SGD(
        net.parameters(), 0.02, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        batch = torch.randint(len(y), (32,))
        images = x[batch].flip(-1) if torch.rand(()) < 0.5 else x[batch]
        loss = torch.nn.functional.cross_entropy(net(images), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        accuracy = (net(val_x).argmax(1) == val_y).float().mean().item()
    majority = (torch.bincount(val_y).max() / len(val_y)).item()
    assert majority + 0.3 < accuracy < 0.85
