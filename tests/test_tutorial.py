"""docs/tutorial.md done as a reader would, in a copy of the program."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from agecls.classes import EIGHT
from agecls.faces.face_set import FaceSet, draw_face_set

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 20

FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code in a section of the tutorial."""

    section: str
    language: str
    text: str


def blocks() -> list[Block]:
    sections = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8").split("\n## ")[1:]
    return [
        Block(section.partition("\n")[0], language, text)
        for section in sections
        for language, text in FENCE.findall(section)
    ]


def of(language: str) -> list[str]:
    return [block.text for block in blocks() if block.language == language]


def edit(checkout: Path, diff: str) -> None:
    """Make the changes of one block: `# FILE`, then hunks of lines with ' ', '-' or '+'."""
    head, _, body = diff.partition("\n")
    path = checkout / head.removeprefix("# ")
    text = path.read_text(encoding="utf-8")
    for hunk in body.split("...\n"):
        lines = [(line[:1], line[1:]) for line in hunk.splitlines()]
        assert {mark for mark, _ in lines} <= {" ", "-", "+"}, hunk
        before = "".join(f"{line}\n" for mark, line in lines if mark != "+")
        after = "".join(f"{line}\n" for mark, line in lines if mark != "-")
        assert f"\n{text}".count(f"\n{before}") == 1, f"{path.name} has not once:\n{before}"
        text = f"\n{text}".replace(f"\n{before}", f"\n{after}").removeprefix("\n")
    path.write_text(text, encoding="utf-8")


def draw_own_pictures(folder: Path) -> None:
    """`mine/img` and `mine/labels.json`, as the tutorial supposes them."""
    drawn = folder / "drawn"
    draw_face_set(drawn, FaceSet(families=6, val_families=2, test_families=0, size=32))
    target = folder / "mine" / "img"
    target.mkdir(parents=True)
    pictures = []
    for number, path in enumerate(sorted(drawn.glob("*_images/*"))):
        family, _, role, _, letter = path.stem.split("_")
        name = f"{number}{path.suffix}"
        shutil.move(path, target / name)
        pictures.append(
            {
                "file": f"img/{name}",
                "years": EIGHT.years[EIGHT.names.index(letter[0])][0],
                "who": f"{family}/{role}",
            }
        )
    shutil.rmtree(drawn)
    (folder / "mine" / "labels.json").write_text(json.dumps(pictures))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the reader works: `checkout` with all edits made, `mine` with pictures and table."""
    folder = tmp_path_factory.mktemp("tutorial")
    for package in ("agecls", "study"):
        shutil.copytree(
            ROOT / package,
            folder / "checkout" / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for diff in of("diff"):
        edit(folder / "checkout", diff)
    draw_own_pictures(folder)
    for script in of("python"):
        run(folder, "-c", script)
    [(folder / "own.toml").write_text(text) for text in of("toml")]
    return folder


def run(folder: Path, *words: str) -> str:
    """Standard output of Python on the edited copy, in the reader's folder."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder / "checkout"),
        "AGECLS_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("section", ["A factor", "A data set", "A model"])
def test_each_takes_less_than_twenty_lines(section):
    of_section = [block for block in blocks() if block.section == section]
    assert of_section
    assert sum(len(block.text.splitlines()) for block in of_section) < MOST_LINES


def test_the_edited_program_keeps_the_house_s_style(folder):
    command = [sys.executable, "-m", "ruff", "check", "--config", ROOT / "pyproject.toml"]
    done = subprocess.run([*command, folder / "checkout"], capture_output=True, text=True)
    edited = {path.name for path in (Path(d.split()[1]) for d in of("diff"))}
    assert not [line for line in done.stdout.splitlines() if any(name in line for name in edited)]


def test_the_factor_changes_training_and_its_default_does_not(folder):
    code = """
import sys
sys.path.append(sys.argv[1])
from tests.agecls.tiny import shades
from agecls.recipe import Recipe
from agecls.training.loop import fit, start

for clip in (None, 0.0, 1e-3):
    fields = {} if clip is None else {"clip": clip}
    recipe = Recipe(depth=18, zero_gamma=True, epochs=1, batch_size=8, **fields)
    print(next(fit(start(recipe, data := shades(16, 8)), data)).val_loss)
"""
    default, none, clipped = run(folder, "-c", code, str(ROOT)).split()
    assert default == none != clipped


def test_the_model_has_twice_the_resolution_and_takes_the_others_weights(folder):
    code = """
import torch
from agecls.nets.families import build_net

pooled, unpooled = (build_net(variant, 18).eval() for variant in ("bcd", "unpooled"))
unpooled.load_state_dict(pooled.state_dict())
sides = []
for model in (pooled, unpooled):
    model.layer4.register_forward_hook(lambda *call: sides.append(call[2].shape[-1]))
    model(torch.zeros(1, 3, 64, 64))
print(sides)
"""
    assert run(folder, "-c", code).strip() == "[2, 4]"


@pytest.mark.ray
def test_the_tutorial_s_commands_work_on_all_three(folder):
    for line in "".join(of("sh")).splitlines():
        python, *words = line.split()
        assert python == "python"
        said = run(folder, *words)
        if "agecls.audit" in words:
            n = len(json.loads((folder / "mine" / "labels.json").read_text()))
            assert f"mine: {n} usable images, 0 unusable (table)" in said
    trials = pd.read_parquet(folder / "results" / "own" / "trials.parquet")
    assert trials["status"].tolist() == ["completed"] * 4
    assert sorted(set(trials["arm"])) == ["bcd", "unpooled"]
    assert set(trials["config/clip"]) <= {0.0, 1.0}
    assert (folder / "results" / "own" / "models" / "unpooled" / "model.json").is_file()
