import subprocess
import sys

import pytest

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
        ("agecls.intervals", {"scipy"}),
        ("agecls.data.loading", {"pandas", "pyarrow"}),
        ("agecls.training.loop", {"torch", "pandas", "pyarrow"}),
        ("study", set()),
        ("study.asked.study", set()),
        ("study.asked.study_file", set()),
        ("study.plan.trials", set()),
        ("study.run", set()),
        ("study.folder.record", set()),
        ("study.folder.tables", {"pandas", "pyarrow"}),
        ("study.export_to", set()),
        ("study.exporters.runs", {"pandas", "pyarrow"}),
        ("study.import_from", set()),
        ("study.imports.ray_folder", set()),
        ("study.imports.folder", {"pandas", "pyarrow"}),
        ("study.analysis", {"pandas", "pyarrow", "scipy"}),
        ("study.report.page", {"pandas", "pyarrow", "plotly", "scipy"}),
        ("study.running.search_state", {"optuna", "pandas", "pyarrow", "scipy"}),
        # the first trial waits for what the driver loads
        ("study.stages.jobs", {"optuna", "pandas", "pyarrow", "ray"}),
        ("study.running.tune_run", {"optuna", "pandas", "pyarrow", "ray"}),
    ],
)
def test_a_module_loads_no_more_than_it_may(module, allowed):
    assert loaded_by(module) <= allowed
