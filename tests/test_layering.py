import re
import subprocess
import sys
from pathlib import Path

import pytest

import agecls
import study

HEAVY = {"torch", "torchvision", "ray", "optuna", "plotly", "pandas", "pyarrow", "scipy"}


def loaded_by(module: str) -> set[str]:
    """Heavy packages in a fresh interpreter after importing `module`."""
    code = f"import sys, {module}; print(*({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("agecls", set()),
        ("agecls.classes", set()),
        ("agecls.recipe", set()),
        ("agecls.metrics", set()),
        ("agecls.data.loading", {"pandas", "pyarrow"}),
        ("agecls.training.loop", {"torch", "pandas", "pyarrow"}),
        ("study", set()),
        ("study.asked.factors", set()),
        ("study.asked.study_file", set()),
        ("study.plan.trials", set()),
        ("study.run", set()),
        ("study.folder.record", set()),
        ("study.folder.tables", {"pandas", "pyarrow"}),
        ("study.export_to", set()),
        ("study.trackers.runs", {"pandas", "pyarrow"}),
        ("study.analysis", {"pandas", "pyarrow", "scipy"}),
        ("study.report.page", {"pandas", "pyarrow", "plotly", "scipy"}),
        ("study.running.machine", {"optuna", "pandas", "pyarrow", "scipy"}),
    ],
)
def test_a_module_loads_no_more_than_it_may(module, allowed):
    assert loaded_by(module) <= allowed


def modules_of(package):
    return sorted(Path(package.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", modules_of(agecls), ids=lambda p: p.name)
def test_agecls_knows_nothing_of_the_study(path):
    text = path.read_text()
    assert "from study" not in text
    assert "import study" not in text


@pytest.mark.parametrize("path", modules_of(study), ids=lambda p: p.name)
def test_nothing_imports_the_command(path):
    assert "study.run import" not in path.read_text()


REPORT = Path(study.__file__).parent / "report"
ROOMS = sorted(path.parent.name for path in REPORT.glob("*/__init__.py"))


def rooms_imported(room):
    """Other rooms that the modules of one name."""
    text = "\n".join(path.read_text() for path in (REPORT / room).glob("*.py"))
    return set(re.findall(r"from study\.report\.(\w+)[. ]", text)) & set(ROOMS) - {room}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_report_knows_no_other_but_its_head(room):
    assert rooms_imported(room) <= ({"confirm"} if room == "head" else {"head"})


def test_the_report_has_rooms_and_its_head_reads_what_fresh_seeds_say():
    assert {"head", "confirm", "factors", "compare"} <= set(ROOMS)
    assert rooms_imported("head") == {"confirm"}
