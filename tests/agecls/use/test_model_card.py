import json
from dataclasses import replace

import pandas as pd
import pytest

from agecls.training.loop import start
from agecls.use.model_card import model_card
from agecls.use.saved import load
from tests.agecls.kept import RECIPE, SIZE, keep
from tests.agecls.tiny import shades

SUMMARY = {
    "layout": "family csv",
    "images": {"train": 1234, "val": 20},
    "classes": {
        "train": dict(zip("abcdefgh", range(8), strict=True)),
        "val": dict.fromkeys("abcdefgh", 2),
    },
    "duplicates": {"copies": 7, "removed": True},
    "leaks": {"train-val": {"same_content": 0, "same_person": 3, "same_family": 0}},
    "splits": {"how": "the data set's own splits"},
}


@pytest.fixture(scope="module")
def state():
    return start(RECIPE, shades(16, 8, size=SIZE))


@pytest.fixture
def study(state, tmp_path):
    """A study's folder with one kept model of arm `bcd`, not confirmed."""
    folder = tmp_path / "results" / "tiny"
    keep(state, folder / "models" / "bcd")
    (folder / "study.json").write_text(
        json.dumps({"data": {"fingerprint": "f00d", "summary": SUMMARY}})
    )
    (folder / "study.toml").write_text('[weights]\nsource = "torchvision:IMAGENET1K_V2"\n')
    trials = {"arm": ["bcd"] * 3 + ["org"], "status": ["completed", "completed", "stopped"] * 1}
    trials["status"].append("completed")
    pd.DataFrame(trials).to_parquet(folder / "trials.parquet")
    return folder


def card(folder):
    return model_card(load(folder / "models" / "bcd").members[0])


def section(text, name):
    return text.partition(f"## {name}\n")[2].partition("\n## ")[0]


def test_the_card_has_every_section_in_order(study):
    names = [line[3:] for line in card(study).splitlines() if line.startswith("## ")]
    assert names == [
        "What it is",
        "Data",
        "Recipe",
        "Metrics",
        "Slices",
        "Calibration",
        "Limits",
        "Not to be used for",
        "Licence",
    ]


def test_data_are_told_by_fingerprint_counts_duplicates_and_leaks(study):
    data = section(card(study), "Data")
    assert "`f00d`" in data
    assert "| train | 1,234 | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |" in data
    assert "7 copies, left out" in data
    assert "train-val: 3 same person." in data


def test_numbers_of_the_search_are_said_to_flatter_with_how_many_were_tried(study):
    metrics = section(card(study), "Metrics")
    assert "the best of 2 completed trials" in metrics
    assert "flatter" in metrics
    assert "| val_accuracy | 0.5000 |" in metrics
    assert "not been confirmed" in metrics


def test_a_confirmed_study_gives_seeds_and_slices_with_intervals(study):
    confirm = {"arm": ["bcd", "bcd", "org"], "seed": [1, 2, 1], "model": ["b1", "b2", "o1"]}
    confirm["test_accuracy"] = [0.5, 0.75, 0.1]
    pd.DataFrame(confirm).to_parquet(study / "confirm.parquet")
    rows = [
        (model, "test", f"test_images/F085{k}_AGE_GM_70_h1.jpg", k, "h", "h" if k % 2 else "g")
        for model in ("b1", "b2", "o1")
        for k in range(4)
    ]
    rows.append(("o1", "test", "only-of-another-arm.jpg", 9, "a", "a"))
    columns = ["model", "split", "image", "cluster", "true", "predicted"]
    pd.DataFrame(rows, columns=columns).to_parquet(study / "predictions.parquet")
    text = card(study)
    assert "| test_accuracy | 0.6250 | 0.5000 | 0.7500 | 2 |" in section(text, "Metrics")
    slices = section(text, "Slices")
    assert "On the test split, mean over 2 models" in slices
    assert "class a" not in slices
    [row] = [line for line in slices.splitlines() if line.startswith("| role GM ")]
    assert "50.0 % (3.9 to 96.1) | 100.0 % (39.8 to 100.0)" in row
    assert row.endswith("| 4 | 4 |")


def test_a_confirmed_model_is_not_said_to_be_the_best_of_many(state, study):
    folder = study / "models" / "bcd" / "confirmed" / "seed7"
    keep(state, folder, arm="bcd", stage="confirm", seed=7, metrics={"test_accuracy": 0.25})
    pd.DataFrame({"arm": ["bcd"], "test_accuracy": [0.25]}).to_parquet(study / "confirm.parquet")
    text = model_card(load(folder).members[0])
    assert text.startswith("# Age classes from faces: bcd of study tiny, fresh seed 7\n")
    assert "the best of" not in section(text, "Metrics")
    assert "the test split chose nothing" in section(text, "Metrics")
    assert "| test_accuracy | 0.2500 |" in section(text, "Metrics")
    assert "| train | 1,234 |" in section(text, "Data")  # its study's folder is found


def test_a_model_away_from_its_study_says_what_is_not_known(state, tmp_path):
    text = model_card(load(keep(state, tmp_path / "lonely")).members[0])
    assert "no more is known" in section(text, "Data")
    assert "None: the study kept no predictions" in section(text, "Slices")


def test_a_folder_of_another_study_is_not_taken_for_its_own(study):
    (study / "study.json").write_text(
        json.dumps({"data": {"fingerprint": "beef", "summary": SUMMARY}})
    )
    assert "no more is known" in section(card(study), "Data")


def test_the_licence_names_the_weights_that_it_started_from(state, study):
    folder = study / "models" / "bcd"
    described = json.loads((folder / "model.json").read_text())
    recipe = replace(RECIPE, init="pretrained").to_dict()
    (folder / "model.json").write_text(json.dumps(described | {"recipe": recipe}))
    assert "`torchvision:IMAGENET1K_V2`" in section(card(study), "Licence")
    source = study / "somebody" / "{variant}-{depth}.safetensors"
    (study / "study.toml").write_text(f'[weights]\nsource = "{source}"\n')
    assert "weights: `bcd-18.safetensors`, whose licence" in section(card(study), "Licence")
    source.parent.mkdir()
    given = {"licence": "not for sale", "made_by": {"data": {"path": "X", "fingerprint": "fade"}}}
    (source.parent / "bcd-18.json").write_text(json.dumps(given))
    assert "`X` (fingerprint `fade`); licence: not for sale" in section(card(study), "Licence")
    (study / "pretrained").mkdir()
    made_by = {"data": {"path": "/home/somebody/UTKFace", "fingerprint": "cafe"}}
    backbone = {"licence": "for research only", "made_by": made_by}
    (study / "pretrained" / "bcd-18.json").write_text(json.dumps(backbone))
    licence = section(card(study), "Licence")
    assert "`UTKFace` (fingerprint `cafe`); licence: for research only" in licence
    assert "somebody" not in licence


def test_calibration_is_told_or_its_absence(state, study):
    assert "no temperature is stored" in section(card(study), "Calibration")
    keep(state, study / "models" / "bcd", temperature=1.75)
    assert "Temperature 1.750" in section(card(study), "Calibration")
