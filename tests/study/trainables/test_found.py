import hashlib
from pathlib import Path

import pytest

from study.asked.plans import Trainable
from study.errors import StudyFileError
from study.measure import Scale
from study.trainables.found import fingerprint, load, located
from tests.study.trainable import forgotten


def asked(function="mine:train", **values):
    return Trainable(function=function, scale=Scale(), **values)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The current folder, one where the module was before, and the study file's."""
    found = [tmp_path / name for name in ("here", "before", "file")]
    for folder in found:
        folder.mkdir()
    monkeypatch.chdir(found[0])
    return found


def test_the_first_folder_that_holds_the_module_counts(folders):
    here, before, file = folders
    for folder in (file, before, here):
        (folder / "mine.py").write_text("def train(): pass\n")
        found = located(asked(folder=str(before)), near=file)
        assert found == asked(folder=str(folder))


def test_a_module_may_lie_in_a_package(folders):
    (folders[0] / "pack").mkdir()
    (folders[0] / "pack/mine.py").write_text("")
    assert located(asked("pack.mine:train"), near=folders[2]).folder == str(folders[0])
    with pytest.raises(StudyFileError, match=r"no module `pack\.other`"):
        located(asked("pack.other:train"), near=folders[2])


def test_an_installed_module_needs_no_folder(folders):
    found = located(asked("json.decoder:JSONDecoder"), near=folders[2])
    assert found.folder == ""
    assert len(fingerprint(found)) == 64


@pytest.mark.parametrize("name", ["mine:train", "math:sin", "nothing.here:train"])
def test_a_module_without_a_text_is_not_there(folders, name):
    with pytest.raises(StudyFileError, match=r"go to its folder, or name it as package.module"):
        located(asked(name), near=folders[2])


def test_looking_for_a_module_imports_nothing(folders):
    (folders[0] / "mine.py").write_text("raise SystemExit('imported')\n")
    found = located(asked(), near=folders[2])
    assert len(fingerprint(found)) == 64


def test_its_fingerprint_is_of_the_text_of_its_modules(folders):
    mine, data = folders[0] / "mine.py", folders[0] / "data.py"
    mine.write_text("a = 1\n")
    data.write_text("b = 1\n")
    here = str(folders[0])
    alone, both = asked(folder=here), asked(folder=here, examples="data:labels")
    before = fingerprint(alone), fingerprint(both)
    assert before[0] != before[1]
    assert fingerprint(asked(folder=here, examples="mine:labels")) == before[0]
    data.write_text("b = 2\n")
    assert fingerprint(alone) == before[0]
    assert fingerprint(both) != before[1]


def test_its_fingerprint_is_of_what_it_imports_beside_it_too(folders):
    here = folders[0]
    (here / "nets").mkdir()
    texts = {
        "mine.py": "import json, study.check\ndef train():\n    from nets import layers\n",
        "nets/__init__.py": "from .sizes import LARGE\n",
        "nets/layers.py": "import far\n",
        "nets/sizes.py": "LARGE = 3\n",
        "far.py": "import mine\n",
        "other.py": "",
        "study/__init__.py": "",
        "study/check.py": "",
    }
    for name, text in texts.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(text)
    counted = set()
    for name, text in texts.items():
        before = fingerprint(asked(folder=str(here)))
        (here / name).write_text(text + "# another\n")
        if fingerprint(asked(folder=str(here))) != before:
            counted.add(name)
    assert counted == texts.keys() - {"other.py", "study/__init__.py", "study/check.py"}


def test_a_module_that_imports_nothing_beside_it_has_the_fingerprint_of_its_text(folders):
    (folders[0] / "mine.py").write_text("import numpy\ndef train(")
    found = fingerprint(asked(folder=str(folders[0])))
    assert found == hashlib.sha256(b"import numpy\ndef train(").hexdigest()


def test_a_name_that_another_module_has_is_refused(folders):
    (folders[0] / "json.py").write_text("def train(): pass\n")
    with pytest.raises(StudyFileError, match=r"`json` is already the name of .*; rename"):
        load("json:train", str(folders[0]))


def test_a_module_that_leaves_the_current_folder_is_refused_and_the_folder_is_as_before(folders):
    before = Path.cwd()
    text = f"import os\nos.chdir({str(folders[1])!r})\ndef train(): pass\n"
    (folders[0] / "mine.py").write_text(text)
    with forgotten("mine"), pytest.raises(StudyFileError, match="changes the current folder"):
        load("mine:train", str(folders[0]))
    assert Path.cwd() == before


def test_what_is_no_function_is_told_with_what_there_is(folders):
    (folders[0] / "mine.py").write_text("def training(): pass\ntrain = 3\n")
    with forgotten("mine"), pytest.raises(StudyFileError, match="did you mean `training`"):
        load("mine:train", str(folders[0]))
