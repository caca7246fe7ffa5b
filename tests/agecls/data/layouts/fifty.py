"""Fifty layouts of faces, drawn as real sets lie on disk, and what each must be read as.

The one source of the test beside this file and of the table in docs/layouts.md, which
`python -m tests.agecls.data.layouts.fifty` prints. A layout is a list
of files: a path that ends like an image is drawn (a picture of noise, another one for each path),
a path with `-> target` is a link, and a table is its text.
"""

import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.io import savemat

from tests.agecls.pictures import picture_bytes


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A data root and what it must be read as.

    Attributes:
        name: What people call it.
        looks: One or two paths of it, or what is special, for the table in the documents.
        files: Paths of the pictures, and links.
        tables: The other files by path.
        give: What is given as data, relative to the root.
        layout: As it is read; None if it is refused.
        classes: Letters of the images by split, sorted; "all" where the set has no splits.
        persons: Distinct persons that are known.
        bad: Files and rows that cannot be used.
        aside: Sound images of an age without a class.
        notes: Parts of the sentences about how it was read, in order; there are no others.
        refused: Parts of the one line that refuses it.
        is_found: Whether it is one that no issue named.
    """

    name: str
    looks: str
    files: Sequence[str] = ()
    tables: Mapping[str, str | bytes] = field(default_factory=dict)
    give: str = "."
    layout: str | None = None
    classes: Mapping[str, str] = field(default_factory=dict)
    persons: int = 0
    bad: int = 0
    aside: int = 0
    notes: Sequence[str] = ()
    refused: Sequence[str] = ()
    is_found: bool = False

    def draw(self, root: Path) -> Path:
        """Write its files below a folder; what is to be given as data."""
        for seed, path in enumerate(self.files):
            name, _, target = path.partition(" -> ")
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if target:
                place.symlink_to(target)
            else:
                kind = "AVIF" if name.endswith(".avif") else "JPEG"
                place.write_bytes(picture_bytes(seed, kind=kind))
        for name, text in self.tables.items():
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode() if isinstance(text, str) else text)
        return root / self.give

    @property
    def outcome(self) -> str:
        """What becomes of it, for the table in the documents."""
        if self.layout is None:
            return f"refused: “… {' … '.join(self.refused)} …”"
        parts = [f"{split} {letters}" for split, letters in self.classes.items()]
        parts += [f"{self.persons} persons"] if self.persons else []
        parts += [f"{self.bad} unusable"] if self.bad else []
        parts += [f"{self.aside} set aside"] if self.aside else []
        parts += [f"“{note}”" for note in self.notes]
        return f"{self.layout}: {'; '.join(parts)}"


def utk(*ages: int, folder: str = "", first: int = 0) -> list[str]:
    """Paths of UTKFace names of these ages."""
    prefix = f"{folder}/" if folder else ""
    stamp = 20170116174525125
    return [f"{prefix}{a}_0_2_{stamp + first + n}.jpg.chip.jpg" for n, a in enumerate(ages)]


def celebrities(*shown: tuple[str, int, int]) -> bytes:
    """CACD2000's list of these images: file name, identity and rank."""
    names, identities, ranks = zip(*shown, strict=True)
    numbers = {"identity": identities, "rank": ranks}
    columns = {name: np.array(values)[:, None] for name, values in numbers.items()}
    # MATLAB's cells
    columns["name"] = np.array(names, dtype=object)[:, None]
    file = io.BytesIO()
    savemat(file, {"celebrityImageData": columns, "celebrityData": {"lfw": np.zeros((2, 1))}})
    return file.getvalue()


def lines(*rows: str) -> str:
    """The text of a table."""
    return "\n".join(rows) + "\n"


FAMILY = "family_id,person_id,age_class,image_path"

FIFTY = (
    Layout(
        name="Korean family faces (MUFAC), whole",
        looks="`custom_train_dataset.csv` beside `train_images/F0001_AGE_D_18_a1.jpg`",
        files=[
            "train_images/F0001_AGE_D_18_a1.jpg",
            "train_images/F0002_AGE_M_45_e1.JPG",
            "val_images/F0801_AGE_GF_80_h1.jpg",
            "test_images/F0851_AGE_S_20_d1.jpg",
        ],
        tables={
            "custom_train_dataset.csv": lines(
                FAMILY, "F0001,D,a,F0001_AGE_D_18_a1.jpg", "F0002,M,e,F0002_AGE_M_45_e1.JPG"
            ),
            "custom_val_dataset.csv": lines(FAMILY, "F0801,GF,h,F0801_AGE_GF_80_h1.jpg"),
            "custom_test_dataset.csv": lines(FAMILY, "F0851,S,d,F0851_AGE_S_20_d1.jpg"),
        },
        layout="family csv",
        classes={"train": "ae", "val": "h", "test": "d"},
        persons=4,
    ),
    Layout(
        name="Korean family faces without CSVs, test withheld",
        looks="`train_images/F0001_AGE_D_18_a1.jpg`, `val_images/`",
        files=[
            "train_images/F0001_AGE_D_18_a1.jpg",
            "train_images/F0001_AGE_D_18_c2.jpg",
            "val_images/F0801_AGE_GF_80_h1.jpg",
        ],
        layout="family names",
        classes={"train": "ac", "val": "h"},
        persons=2,
    ),
    Layout(
        name="Family names in folders of one's own",
        looks="`Training/F0001_AGE_D_18_a1.jpg`, `Validation/`, `Testing/`",
        files=[
            "Training/F0001_AGE_D_18_a1.jpg",
            "Training/F0002_AGE_M_45_e1.jpg",
            "Validation/F0801_AGE_GF_80_h1.jpg",
            "Testing/F0851_AGE_S_20_d1.jpg",
        ],
        layout="family names",
        classes={"train": "ae", "val": "h", "test": "d"},
        persons=4,
    ),
    Layout(
        name="UTKFace, aligned crops",
        looks="`25_0_2_20170116174525125.jpg.chip.jpg`; ages go to 116",
        files=[*utk(1, 9, 25, 25, 70), "116_1_0_20170120134744096.jpg.chip.jpg"],
        layout="utkface",
        classes={"all": "abddh"},
        aside=1,
    ),
    Layout(
        name="UTKFace in the wild",
        looks="`part1/1_0_0_20161219140530307.jpg`, `part2/`, `part3/`",
        files=[
            "part1/1_0_0_20161219140530307.jpg",
            "part2/26_1_3_20170104222823975.jpg",
            "part3/80_1_0_20170110140935777.jpg",
        ],
        layout="utkface",
        classes={"all": "adh"},
    ),
    Layout(
        name="UTKFace as Kaggle unpacks it",
        looks="`UTKFace/`, `crop_part1/`, and both again in `utkface_aligned_cropped/`",
        files=[
            *utk(1, 25, folder="UTKFace"),
            *utk(40, folder="crop_part1", first=2),
            *utk(1, 25, folder="utkface_aligned_cropped/UTKFace"),
        ],
        layout="utkface",
        classes={"all": "ade"},
        notes=["2 files are not read: utkface_aligned_cropped/ (2 .jpg)"],
        is_found=True,
    ),
    Layout(
        name="UTKFace names, split by hand",
        looks="`train/25_0_2_….jpg`, `val/`, `test/`",
        files=[
            *utk(1, 25, 70, folder="train"),
            *utk(1, folder="val", first=3),
            *utk(25, folder="test", first=4),
        ],
        layout="utkface",
        classes={"train": "adh", "val": "a", "test": "d"},
    ),
    Layout(
        name="UTKFace names in Training and Validation, by part",
        looks="`Training/part1/25_0_2_….jpg`, `Validation/part1/`",
        files=[
            *utk(1, 25, folder="Training/part1"),
            *utk(70, folder="Training/part2", first=2),
            *utk(25, folder="Validation/part1", first=3),
        ],
        layout="utkface",
        classes={"train": "adh", "val": "d"},
    ),
    Layout(
        name="UTKFace names below folders of numbers",
        looks="`00/25_0_2_….jpg`, `01/`: the name tells the age, not the folder",
        files=[*utk(1, 25, folder="00"), *utk(70, folder="01", first=2)],
        layout="utkface",
        classes={"all": "adh"},
    ),
    Layout(
        name="Folders by letter",
        looks="`a/x.jpg` … `h/x.jpg`",
        files=["a/1.jpg", "d/2.jpg", "d/3.png", "h/4.webp"],
        layout="class folders",
        classes={"all": "addh"},
    ),
    Layout(
        name="ImageFolder export of the classes",
        looks="`train/20-30/x.jpg`, `val/0-6/`",
        files=["train/0-6/1.jpg", "train/20-30/2.jpg", "val/0-6/3.jpg"],
        layout="class folders",
        classes={"train": "ad", "val": "a"},
    ),
    Layout(
        name="Splits in other words",
        looks="`Training/a/x.jpg`, `Dev/`, `Testing/`",
        files=["Training/a/1.jpg", "Training/d/2.jpg", "Dev/a/3.jpg", "Testing/d/4.jpg"],
        layout="class folders",
        classes={"train": "ad", "val": "a", "test": "d"},
    ),
    Layout(
        name="Roboflow classification export",
        looks="`train/d 20-30/x_jpg.rf.0a1b.jpg`, `valid/`, `test/`, `README.roboflow.txt`",
        files=[
            "train/a 0-6/1_jpg.rf.0a1b.jpg",
            "train/d 20-30/2_jpg.rf.1b2c.jpg",
            "valid/a 0-6/3_jpg.rf.2c3d.jpg",
            "test/d 20-30/4_jpg.rf.3d4e.jpg",
        ],
        tables={"README.dataset.txt": "faces", "README.roboflow.txt": "faces"},
        layout="class folders",
        classes={"train": "ad", "val": "a", "test": "d"},
        notes=["2 files are not read: 2 .txt"],
    ),
    Layout(
        name="Splits below the classes",
        looks="`a/train/x.jpg`, `a/test/`",
        files=["a/train/1.jpg", "a/val/2.jpg", "d/train/3.jpg", "d/test/4.jpg"],
        layout="class folders",
        classes={"train": "ad", "val": "a", "test": "d"},
        is_found=True,
    ),
    Layout(
        name="A split within another",
        looks="`train/a/test/x.jpg`",
        files=["train/a/1.jpg", "train/d/2.jpg", "train/a/test/3.jpg", "val/a/4.jpg"],
        refused=["its folders name the splits test and train; keep one"],
    ),
    Layout(
        name="Images beside the splits",
        looks="`train/25_….jpg`, `val/`, and others above them",
        files=[*utk(1, 25, folder="train"), *utk(1, folder="val", first=2), *utk(70, first=3)],
        refused=["it is in no split, and others are"],
    ),
    Layout(
        name="A folder beside the splits",
        looks="`train/a/x.jpg`, `val/a/`, `holdout/a/`",
        files=["train/a/1.jpg", "train/d/2.jpg", "val/a/3.jpg", "holdout/a/4.jpg"],
        layout="class folders",
        classes={"train": "ad", "val": "a"},
        notes=["1 file is not read: holdout/ (1 .jpg)"],
    ),
    Layout(
        name="Kaggle's facial-age",
        looks="`001/x.png` … `110/`: folders of three digits that are ages",
        files=["face_age/001/1.png", "face_age/025/2.png", "face_age/110/3.png"],
        give="face_age",
        refused=["folders named by numbers (001, 025, 110)", "ages in years, give", "{age}"],
    ),
    Layout(
        name="Kaggle's facial-age, ages asked for",
        looks="the same, given as `face_age/{age}`",
        files=["face_age/001/1.png", "face_age/025/2.png", "face_age/110/3.png"],
        give="face_age/{age}",
        layout="class folders",
        classes={"all": "ad"},
        aside=1,
    ),
    Layout(
        name="Kaggle's age prediction, ages asked for",
        looks="`20-50/train/20/x.jpg`, `20-50/test/`, given as `20-50/{age}`",
        files=["20-50/train/20/1.jpg", "20-50/train/50/2.jpg", "20-50/test/20/3.jpg"],
        give="20-50/{age}",
        layout="class folders",
        classes={"train": "df", "test": "d"},
        is_found=True,
    ),
    Layout(
        name="IMDB-WIKI crops",
        looks="`00/nm0000100_rm46373120_1955-1-6_2003.jpg` … `99/`: parts, no ages",
        files=[
            "00/nm0000100_rm46373120_1955-1-6_2003.jpg",
            "01/nm0000101_rm53122816_1952-7-1_2009.jpg",
            "99/nm0000199_rm1234567_1940-4-25_2010.jpg",
        ],
        refused=["folders named by numbers (00, 01, 99)", "a CSV with columns path and age"],
    ),
    Layout(
        name="A folder per person",
        looks="`001/1.jpg`, `002/`",
        files=["001/1.jpg", "001/2.jpg", "002/3.jpg"],
        refused=["folders named by numbers (001, 002)", "persons, parts or classes"],
    ),
    Layout(
        name="Exported class numbers",
        looks="`train/0/x.jpg` … `train/7/`, `test/`",
        files=[f"{split}/{n}/{split}{n}.jpg" for split in ("train", "test") for n in range(8)],
        refused=["folders named by numbers (0, 1, 2, 3, …)", "if classes, name them"],
    ),
    Layout(
        name="Parts by the first digit of a hash",
        looks="`0/x.jpg` … `9/`, `a/` … `f/`: sixteen folders, six named like classes",
        files=[f"{digit}/{n}.jpg" for n, digit in enumerate("0123456789abcdef")],
        refused=["folders named by numbers (0, 1, 2, 3, …)"],
        is_found=True,
    ),
    Layout(
        name="Ages in words",
        looks="`age_25/x.jpg`, `7y/`, `70 years/`",
        files=["age_25/1.jpg", "7y/2.jpg", "70 years/3.jpg", "Age 3/4.jpg"],
        layout="class folders",
        classes={"all": "abdh"},
    ),
    Layout(
        name="AFAD",
        looks="`15/111/638660-1.jpg`, `15/112/`: age, gender, person",
        files=[
            "15/111/638660-0.jpg",
            "15/112/638661-0.jpg",
            "39/111/638662-0.jpg",
            "39/112/638663-0.jpg",
            "40/111/638662-1.jpg",
        ],
        layout="class folders",
        classes={"all": "cceee"},
        persons=4,
        notes=["persons are told by names such as {person}-1.jpg"],
    ),
    Layout(
        name="Other ranges than the classes",
        looks="`0-2/x.jpg`, `4-6/`, `8-13/`, `60+/`",
        files=["0-2/1.jpg", "4-6/2.jpg", "8-13/3.jpg", "60+/4.jpg"],
        refused=["has no layout that is known", "folders 0-2, 4-6, 60+, 8-13"],
    ),
    Layout(
        name="Kaggle's Faces: Age Detection",
        looks="`Train/377.jpg`, `train.csv` with `ID,Class` (YOUNG, MIDDLE, OLD)",
        files=["Train/377.jpg", "Train/17814.jpg", "Test/25321.jpg"],
        tables={
            "train.csv": lines("ID,Class", "377.jpg,MIDDLE", "17814.jpg,YOUNG"),
            "test.csv": lines("ID", "25321.jpg"),
        },
        refused=["train.csv has no column of paths", "its columns are id, class"],
        is_found=True,
    ),
    Layout(
        name="One folder too high",
        looks="`archive/faces/a/x.jpg`, given as `archive`",
        files=["archive/faces/a/1.jpg", "archive/faces/d/2.jpg"],
        give="archive",
        refused=["its folder faces has", "give"],
    ),
    Layout(
        name="A Mac's archive, a network drive's thumbnails",
        looks="`__MACOSX/a/._1.jpg`, `a/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg`",
        files=[
            "a/1.jpg",
            "d/2.jpg",
            "__MACOSX/a/._1.jpg",
            "__MACOSX/a/1.jpg",
            "a/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg",
            "a/._1.jpg",
        ],
        layout="class folders",
        classes={"all": "ad"},
        is_found=True,
    ),
    Layout(
        name="Folders that are links",
        looks="`a/more -> /archive/babies`, with a link back to the top",
        files=[
            "set/a/1.jpg",
            "pool/2.jpg",
            "set/d/3.jpg",
            "set/a/more -> ../../pool",
            "set/d/up -> ..",
        ],
        give="set",
        layout="class folders",
        classes={"all": "aad"},
    ),
    Layout(
        name="Endings of many cameras",
        looks="`1.jfif`, `2.jpe`, `3.JPG`, `4.heic`",
        files=["a/1.jfif", "a/2.jpe", "d/3.JPG", "d/4.heic"],
        refused=["a .heic file is not opened here; convert it to JPEG or PNG"],
    ),
    Layout(
        name="FG-NET",
        looks="`001A02.JPG`: person 001 at age 2",
        files=["001A02.JPG", "001A28.JPG", "002A15.JPG", "002A16a.JPG"],
        layout="age names",
        classes={"all": "accd"},
        persons=2,
        notes=["persons are told by names such as {person}A02.jpg"],
    ),
    Layout(
        name="FG-NET names below age folders",
        looks="`age_2/001A02.JPG`",
        files=["age_2/001A02.JPG", "age_28/001A28.JPG", "age_15/002A15.JPG", "age_5/002A05.JPG"],
        layout="class folders",
        classes={"all": "aacd"},
        persons=2,
        notes=["persons are told by names such as {person}A02.jpg"],
    ),
    Layout(
        name="All-Age-Faces",
        looks="`aglined faces/00000A02.jpg`",
        files=["aglined faces/00000A02.jpg", "aglined faces/07380A40.jpg"],
        layout="age names",
        classes={"all": "ae"},
        is_found=True,
    ),
    Layout(
        name="AgeDB with the list of imbalanced regression",
        looks="`AgeDB/0_MariaCallas_35_f.jpg`, `agedb.csv` with `age,path,split`",
        files=[
            "AgeDB/0_MariaCallas_35_f.jpg",
            "AgeDB/1_MariaCallas_40_f.jpg",
            "AgeDB/100_GlennClose_62_f.jpg",
            "AgeDB/101_GlennClose_50_f.jpg",
        ],
        tables={
            "agedb.csv": lines(
                "age,path,split",
                "35,AgeDB/0_MariaCallas_35_f.jpg,train",
                "40,AgeDB/1_MariaCallas_40_f.jpg,train",
                "62,AgeDB/100_GlennClose_62_f.jpg,val",
                "50,AgeDB/101_GlennClose_50_f.jpg,test",
            )
        },
        layout="table",
        classes={"train": "ee", "val": "g", "test": "f"},
        persons=2,
        notes=["persons are told by names such as 0_{person}_35_f.jpg"],
        is_found=True,
    ),
    Layout(
        name="CACD2000",
        looks="`CACD2000/53_Robin_Williams_0001.jpg`, `celebrity2000_meta.mat`: identity, rank",
        files=[
            "CACD2000/53_Robin_Williams_0001.jpg",
            "CACD2000/14_Aaron_Johnson_0001.jpg",
            "CACD2000/25_Léa_Seydoux_0001.jpg",
        ],
        tables={
            "celebrity2000_meta.mat": celebrities(
                ("53_Robin_Williams_0001.jpg", 1, 1),
                ("14_Aaron_Johnson_0001.jpg", 2, 4),
                ("25_Léa_Seydoux_0001.jpg", 3, 6),
            )
        },
        layout="age names",
        classes={"val": "f", "test": "c", "train": "d"},
        persons=3,
        notes=[
            "persons are told by identity in celebrity2000_meta.mat",
            "val are persons of rank 1 and 2 in celebrity2000_meta.mat, test of 3 to 5, whose "
            "images were checked by hand; train are all others",
        ],
    ),
    Layout(
        name="MORPH",
        looks="`Album2/009055_1M54.JPG`, `morph_2008_nonCommercial.csv`: `id_num`, `photo`, `age`",
        files=["Album2/009055_1M54.JPG", "Album2/009055_2M55.JPG", "Album2/010000_0F20.JPG"],
        tables={
            "morph_2008_nonCommercial.csv": lines(
                "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo",
                "9055,1,01/01/1950,06/01/2004,B,M,1,54,0,0,Album2/009055_1M54.JPG",
                "9055,2,01/01/1950,06/01/2005,B,M,1,55,1,0,Album2/009055_2M55.JPG",
                "10000,0,01/01/1984,06/01/2004,W,F,0,20,0,0,Album2/010000_0F20.JPG",
            )
        },
        layout="table",
        classes={"all": "dff"},
        persons=2,
        notes=[
            "columns of morph_2008_nonCommercial.csv that are not used: picture_num, dob, doa, "
            "race, gender, facial_hair, age_diff, glasses"
        ],
    ),
    Layout(
        name="APPA-REAL",
        looks="`train/000000.jpg`, `gt_avg_train.csv` with `file_name,…,real_age`",
        files=["train/000000.jpg", "valid/004113.jpg", "test/005613.jpg"],
        tables={
            f"gt_avg_{split}.csv": lines(
                "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age",
                f"{name}.jpg,36,5.0,1.0,4",
            )
            for split, name in (("train", "000000"), ("valid", "004113"), ("test", "005613"))
        },
        layout="age lists",
        classes={"train": "a", "val": "a", "test": "a"},
        notes=["ages are real_age, not apparent_age_avg"],
    ),
    Layout(
        name="A CSV a split, files in folders of splits",
        looks="`train/000000.jpg`, `gt_train.csv`, `gt_valid.csv` with `file_name,age`",
        files=["train/0.jpg", "train/1.jpg", "valid/0.jpg", "test/0.jpg"],
        tables={
            "gt_train.csv": lines("file_name,age", "0.jpg,4", "1.jpg,25"),
            "gt_valid.csv": lines("file_name,age", "0.jpg,26"),
            "gt_test.csv": lines("file_name,age", "0.jpg,70"),
        },
        layout="tables",
        classes={"train": "ad", "val": "d", "test": "h"},
        notes=[
            "the files of gt_train.csv are found below the folder, in train",
            "the files of gt_valid.csv are found below the folder, in valid",
            "the files of gt_test.csv are found below the folder, in test",
        ],
    ),
    Layout(
        name="FairFace",
        looks="`train/1.jpg`, `fairface_label_train.csv` with ranges such as `3-9`",
        files=["train/1.jpg", "train/2.jpg", "val/1.jpg"],
        tables={
            "fairface_label_train.csv": lines(
                "file,age,gender,race,service_test",
                "train/1.jpg,50-59,Male,East Asian,True",
                "train/2.jpg,more than 70,Female,Indian,False",
            ),
            "fairface_label_val.csv": lines(
                "file,age,gender,race,service_test", "val/1.jpg,3-9,Male,East Asian,False"
            ),
        },
        refused=[
            "FairFace tells ranges of years, and class b 7-12 holds none",
            "[[0, 2], [3, 9], ",
        ],
    ),
    Layout(
        name="Ages as numbers of classes",
        looks="a CSV whose `age` is only 0, 1, … 8, as some copies of FairFace have it",
        files=[f"images/{n}.jpg" for n in range(9)],
        tables={"labels.csv": lines("image,age", *(f"images/{n}.jpg,{n}" for n in range(9)))},
        refused=["`age` has only the values 0 to 8", "name the column age_years"],
        is_found=True,
    ),
    Layout(
        name="IMDB-clean",
        looks="`imdb_train_new_1024.csv`, `imdb_valid_new_1024.csv`: `filename,age,…,x_min,…`",
        files=[f"imdb-clean-1024/0{n}/nm000000{n}_rm4637_1955-1-6_2003.jpg" for n in range(4)],
        tables={
            f"imdb_{split}_new_1024.csv": lines(
                "filename,age,gender,x_min,y_min,x_max,y_max,yaw",
                *(
                    f"0{n}/nm000000{n}_rm4637_1955-1-6_2003.jpg,{age},F,4,4,12,12,0.1"
                    for n, age in faces
                ),
            )
            for split, faces in (("train", ((0, 25), (1, 70))), ("valid", ((2, 5), (3, 26))))
        },
        layout="boxes",
        classes={"train": "dh", "val": "ad"},
        persons=4,
        notes=[
            note
            for split in ("train", "valid")
            for note in (
                f"faces are cut out of their photographs by x_min … of imdb_{split}_new_1024.csv",
                f"the files of imdb_{split}_new_1024.csv are found below the folder, in "
                "imdb-clean-1024",
                "persons are told by names such as 00/{person}_rm46373120_1955-1-6_2003.jpg",
                f"columns of imdb_{split}_new_1024.csv that are not used: gender, yaw",
            )
            if split == "train" or "persons" not in note
        ],
    ),
    Layout(
        name="Adience",
        looks="`fold_0_data.txt`, `faces/30601258@N03/coarse_tilt_aligned_face.2.x.jpg`",
        files=["faces/30601258@N03/coarse_tilt_aligned_face.1.2_o.jpg"],
        tables={
            "fold_0_data.txt": lines(
                "user_id\toriginal_image\tface_id\tage\tgender",
                "30601258@N03\t2_o.jpg\t1\t(25, 32)\tf",
            )
        },
        refused=[
            "Adience tells ranges of years, and class c 13-19 holds none",
            "[[0, 2], [4, 6], ",
        ],
    ),
    Layout(
        name="MegaAge-Asian",
        looks="`train/1.jpg`, `list/train_name.txt` beside `list/train_age.txt`",
        files=["train/1.jpg", "train/2.jpg", "test/1.jpg"],
        tables={
            "list/train_name.txt": lines("1.jpg", "2.jpg"),
            "list/train_age.txt": lines("30", "2"),
            "list/test_name.txt": lines("1.jpg"),
            "list/test_age.txt": lines("70"),
        },
        layout="age lists",
        classes={"train": "ad", "test": "h"},
    ),
    Layout(
        name="LAGENDA",
        looks="`lagenda_annotation.csv` with `img_name,age,gender,face_x0,…`; faces share images",
        files=["lag_benchmark/1.jpg", "lag_benchmark/2.jpg"],
        tables={
            "lagenda_annotation.csv": lines(
                "img_name,age,gender,face_x0,face_y0,face_x1,face_y1,person_x0",
                "lag_benchmark/1.jpg,30,M,0,0,8,9,0",
                "lag_benchmark/1.jpg,5,F,7,6,16,16,-1",
                "lag_benchmark/2.jpg,-1,-1,2,2,12,12,0",
                "lag_benchmark/2.jpg,50,F,-1,-1,-1,-1,0",
                "lag_benchmark/2.jpg,70,F,1.5,2,12,12,0",
            )
        },
        layout="boxes",
        classes={"all": "adh"},
        aside=2,
        notes=[
            "faces are cut out of their photographs by face_x0 … of lagenda_annotation.csv",
            "columns of lagenda_annotation.csv that are not used: gender, person_x0",
        ],
    ),
    Layout(
        name="The JSON of the Call to Reflect benchmark",
        looks="`AFAD-Full_aligned.json` with `img_path,id_num,age,folder,aligned_bbox`",
        files=[f"AFAD/AFAD-Full/{15 + n}/111/{638660 + n}-1.jpg" for n in range(10)],
        tables={
            "AFAD-Full_aligned.json": json.dumps(
                [
                    {
                        "img_path": f"AFAD/AFAD-Full/{15 + n}/111/{638660 + n}-1.jpg",
                        "id_num": 638660 + n,
                        "age": 15 + n,
                        "folder": n,
                        "aligned_bbox": [-57, -95, 372, -83, 360, 346, -69, 334],
                    }
                    for n in range(10)
                ]
            )
        },
        layout="age lists",
        classes={"train": "cccccd", "val": "dd", "test": "dd"},
        persons=10,
        notes=[
            "train, val and test are folders 0-5, 6-7, 8-9 of AFAD-Full_aligned.json",
            "the squares in aligned_bbox of AFAD-Full_aligned.json are turned; faces are cut out "
            "upright",
            "faces are cut out of their photographs by aligned_bbox of AFAD-Full_aligned.json",
        ],
    ),
    Layout(
        name="Annotations beside a folder of images",
        looks="`images/1.jpg`, `annotations.csv` with bare names, identity and age",
        files=["images/1.jpg", "images/2.jpg", "images/3.jpg"],
        tables={
            "annotations.csv": lines(
                "image_name,identity,age", "1.jpg,p,30", "2.JPG,p,5", "3.jpg,q,70"
            )
        },
        layout="table",
        classes={"all": "adh"},
        persons=2,
        notes=["the files of annotations.csv are found below the folder, in images"],
        is_found=True,
    ),
    Layout(
        name="A table written on Windows, with folders of splits",
        looks="`train\\1.JPG` in the CSV, `train/1.jpg` on disk",
        files=["train/1.jpg", "train/2.jpg", "test/3.jpg"],
        tables={
            "labels.csv": lines(
                "path;age;subject", r"train\1.JPG;30;s1", r"train\2.JPG;5;s2", r"test\3.JPG;70;s3"
            )
        },
        layout="table",
        classes={"train": "ad", "test": "h"},
        persons=3,
    ),
    Layout(
        name="Two lists of one set",
        looks="`clean.csv` and `full.csv`, both with path and age",
        files=["1.jpg", "2.jpg"],
        tables={
            name: lines("path,age", "1.jpg,3", "2.jpg,30") for name in ("clean.csv", "full.csv")
        },
        refused=["2 tables list images and classes (clean.csv, full.csv); give the one to read"],
        is_found=True,
    ),
)


def table() -> str:
    """The table of the fifty in docs/layouts.md."""
    star = {False: "", True: " \\*"}
    rows = [f"| {one.name}{star[one.is_found]} | {one.looks} | {one.outcome} |" for one in FIFTY]
    return lines("| set | on disk | becomes |", "|---|---|---|", *rows)


if __name__ == "__main__":
    sys.stdout.write(table())
