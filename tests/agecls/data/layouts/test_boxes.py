"""Faces told by boxes in photographs, cut out when they are decoded."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agecls.audit.findings import audit_faces
from agecls.audit.fix import counts_of_fix, plan_fix, write_fix
from agecls.data.loading import Reading, load_data
from agecls.data.packing import open_pack
from agecls.data.records import read_records

HEADER = "img_name,age,gender,face_x0,face_y0,face_x1,face_y1,person_x0,person_y0"
COLOURS = ((250, 0, 0), (0, 250, 0), (0, 0, 250))


def draw_photograph(path: Path, *, shade: int = 0) -> None:
    """40 x 20 pixels: black but for three squares of 10 pixels, a colour each."""
    pixels = np.full((20, 40, 3), shade, dtype=np.uint8)
    for n, colour in enumerate(COLOURS):
        pixels[5:15, 1 + 13 * n : 11 + 13 * n] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_list(root: Path, *rows: str) -> None:
    (root / "lagenda_annotation.csv").write_text("\n".join([HEADER, *rows]) + "\n")


def row(image: str, age: int, n: int, *, dx: int = 0) -> str:
    return f"{image},{age},F,{1 + 13 * n + dx},5,{11 + 13 * n + dx},15,0,0"


def test_each_face_of_a_photograph_is_an_image_cut_out_by_its_box(tmp_path: Path) -> None:
    draw_photograph(tmp_path / "lag" / "1.png")
    write_list(tmp_path, *(row("lag/1.png", age, n) for n, age in enumerate((3, 33, 70))))
    records = read_records(tmp_path)
    assert records.frame["image_path"].tolist() == [
        "lag/1.png/1,5,11,15", "lag/1.png/14,5,24,15", "lag/1.png/27,5,37,15",
    ]  # fmt: skip
    assert records.frame["label"].tolist() == [0, 4, 7]
    pack = open_pack(records, 10)
    for image, colour in zip(pack.images, COLOURS, strict=True):
        assert (image == colour).all()
    assert pack.frame["content"].nunique() == 3


def test_imdb_clean_s_faces_are_cut_out_of_each_split_s_pictures(tmp_path: Path) -> None:
    header = "filename,age,gender,x_min,y_min,x_max,y_max,roll,yaw,pitch"
    of_splits = {"train": (0, 1), "valid": (1, 2), "test": (2, 0)}
    for number, (split, faces) in enumerate(of_splits.items()):
        rows = []
        for n in faces:
            # whoever is in train and in valid is so in the set too
            name = f"0{n}/nm000000{n}_rm{number}_1955-1-6_2003.png"
            draw_photograph(tmp_path / "imdb-clean-1024" / name)
            left = 1.0 + 13 * n
            rows.append(f"{name},{(3, 33, 70)[n]},F,{left},5.2,{left + 10},15,0.1,0.2,0.3")
        text = "\n".join([header, *rows]) + "\n"
        (tmp_path / "imdb-clean-1024" / f"imdb_{split}_new_1024.csv").write_text(text)
    records = read_records(tmp_path / "imdb-clean-1024")
    assert records.layout == "boxes"
    assert records.frame["split"].tolist() == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
    assert records.frame["label"].tolist() == [0, 4, 4, 7, 7, 0]
    assert [person[-1] for person in records.frame["person_id"]] == list("011220")
    pack = open_pack(records, 10)
    for image, n in zip(pack.images, (0, 1, 1, 2, 2, 0), strict=True):
        assert (image == COLOURS[n]).all()


def test_another_box_is_another_pack(tmp_path: Path) -> None:
    draw_photograph(tmp_path / "lag" / "1.png")
    keys = set()
    for dx in (0, 1, 0):
        write_list(tmp_path, *(row("lag/1.png", 3, n, dx=dx) for n in range(3)))
        pack = open_pack(read_records(tmp_path), 10)
        keys.add(pack.key)
        assert (pack.images[0] == COLOURS[0]).all() == (dx == 0)
    assert len(keys) == 2


def test_faces_of_one_photograph_stay_in_one_split(tmp_path: Path) -> None:
    rows = []
    for number in range(12):
        draw_photograph(tmp_path / "lag" / f"{number}.png", shade=number)
        rows += [row(f"lag/{number}.png", (3, 33)[number % 2], n) for n in range(3)]
    write_list(tmp_path, *rows)
    # Of a size that shows what is about the squares, or all photographs would show the same
    data = load_data(tmp_path, Reading(size=16, deduplicate=False))
    of_split = {
        name: {path.rpartition("/")[0] for path in split.frame["image_path"]}
        for name, split in (("train", data.train), ("val", data.val), ("test", data.test))
        if split is not None
    }
    assert sum(map(len, of_split.values())) == len(set().union(*of_split.values()))
    assert all(of_split.values())


def test_ages_and_faces_that_are_not_known_are_set_aside_and_bad_boxes_are_unusable(
    tmp_path: Path,
) -> None:
    draw_photograph(tmp_path / "lag" / "1.png")
    write_list(
        tmp_path,
        row("lag/1.png", 3, 0),
        row("lag/1.png", -1, 1),
        "lag/1.png,44,M,-1,-1,-1,-1,0,0",
        "lag/1.png,44,M,1,5,x,15,0,0",
        "lag/1.png,44,M,100,5,120,15,0,0",
        "lag/1.png,44,M,3,5,6,7,0,0",
        "lag/2.png,44,M,1,5,11,15,0,0",
        row("lag/1.png", 3, 0),
    )
    pack = open_pack(read_records(tmp_path), 10, max_bad_share=0.9)
    reasons = dict(zip(pack.quarantine["where"], pack.quarantine["reason"], strict=True))
    name = "lagenda_annotation.csv"
    assert reasons == {
        f"{name}, row 3": "its age is not known",
        f"{name}, row 4": "its face is not seen",
        f"{name}, row 5": "its box is not four numbers",
        "lag/1.png/100,5,120,15": "its box (100, 5, 120, 15) holds nothing of its 40 x 20 pixels",
        "lag/1.png/3,5,6,7": "its box (3, 5, 6, 7) has fewer than 8 pixels a side",
        f"{name}, row 8": "there is no such file",
        f"{name}, row 9": f"the same path is in {name}, row 2",
    }
    assert pack.quarantine["is_bad"].sum() == 5


@pytest.mark.parametrize(
    ("box", "square"),
    [
        ((1, 5, 11, 15), (1, 5, 11, 15)),
        ((1, 5, 7, 15), (0, 5, 10, 15)),  # taller than wide: as wide as tall, moved inside
        ((35, 2, 45, 12), (30, 2, 40, 12)),  # leaves the picture: moved back
        ((0, -10, 40, 30), (10, 0, 30, 20)),  # higher than the picture: its middle
    ],
)
def test_a_face_is_the_square_about_its_box_inside_the_picture(
    box: tuple[int, int, int, int], square: tuple[int, int, int, int], tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "1.png")
    write_list(tmp_path, f"1.png,3,F,{','.join(map(str, box))},0,0")
    left, top, right, bottom = square
    pack = open_pack(read_records(tmp_path), right - left)
    np.testing.assert_array_equal(pack.images[0], pixels[top:bottom, left:right])


def test_the_audit_looks_at_faces_and_not_at_their_photographs(tmp_path: Path) -> None:
    draw_photograph(tmp_path / "lag" / "1.png")
    write_list(tmp_path, *(row("lag/1.png", age, n) for n, age in enumerate((3, 33, 70))))
    findings = audit_faces(tmp_path)
    assert findings.images["width"].tolist() == [40] * 3
    assert not findings.images["content"].duplicated().any()


def faces_of(images: pd.DataFrame, splits: np.ndarray) -> dict[str, set[str]]:
    """The photographs of each split."""
    return {
        split: {path.rpartition("/")[0] for path in images["image_path"][splits == split]}
        for split in ("train", "val", "test")
    }


def draw_faces(root: Path, *, header: str = "", split: str = "") -> None:
    """Eight photographs of two faces, each face another picture."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(8):
        path = root / "lag" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 40, 3), dtype=np.uint8)).save(path)
        for n in (0, 1):
            in_split = split and f",{'test' if (number, n) in {(0, 0), (1, 1)} else split}"
            rows.append(row(f"lag/{number}.png", (3, 33)[number % 2], n) + in_split)
    (root / "lagenda_annotation.csv").write_text("\n".join([HEADER + header, *rows]) + "\n")


def test_splits_that_a_fix_makes_part_no_photograph(tmp_path: Path) -> None:
    draw_faces(tmp_path)
    findings = audit_faces(tmp_path)
    of_split = faces_of(findings.images, plan_fix(findings).splits)
    assert all(of_split.values())
    assert sum(map(len, of_split.values())) == 8


def test_a_face_whose_photograph_is_in_a_held_out_split_leaves_train(tmp_path: Path) -> None:
    draw_faces(tmp_path, header=",split", split="train")
    findings = audit_faces(tmp_path)
    fix = plan_fix(findings)
    of_split = faces_of(findings.images, fix.splits)
    assert of_split["test"] == {"lag/0.png", "lag/1.png"}
    assert of_split["train"].isdisjoint(of_split["test"])
    left = [reason for reason in fix.reasons if reason is not None]
    assert left == ["another face of its photograph is in test"] * 2
    assert counts_of_fix(findings, fix)["left_out"] == {"linked to another split": 2}


def test_a_fixed_set_names_faces_in_their_photographs(tmp_path: Path) -> None:
    for number in range(6):
        draw_photograph(tmp_path / "set" / "lag" / f"{number}.png", shade=20 * number)
    rows = [
        row(f"lag/{number}.png", 3 + 30 * (number % 2), n) for number in range(6) for n in (0, 1)
    ]
    write_list(tmp_path / "set", *rows)
    findings = audit_faces(tmp_path / "set")
    write_fix(findings, plan_fix(findings), tmp_path / "fixed")
    fixed = open_pack(read_records(tmp_path / "fixed"), 10)
    assert 2 <= len(fixed.frame) <= 12
    assert all(
        (image == COLOURS[0]).all() or (image == COLOURS[1]).all() for image in fixed.images
    )
