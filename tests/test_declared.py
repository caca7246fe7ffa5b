"""pyproject.toml declares what the packages import, each extra its own."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names(requirements):
    """Distributions that requirements name, written as PEP 503 does."""
    found = (re.match(r"[\w.-]+", text)[0] for text in requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


def imported(path):
    """Top-level packages that a module imports, wherever in it, also by `import_module`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_module":
            [what] = node.args
            if isinstance(what, ast.Constant):
                yield what.value.partition(".")[0]


def strangers():
    """Packages of others, with a module that imports each."""
    found = {}
    for package in ("agecls", "study"):
        for path in sorted((ROOT / package).rglob("*.py")):
            found |= dict.fromkeys(imported(path), path.relative_to(ROOT))
    return {k: v for k, v in found.items() if k not in sys.stdlib_module_names}


def test_whatever_is_imported_is_declared():
    extras = PROJECT["optional-dependencies"]
    declared = names(PROJECT["dependencies"])
    declared |= names(r for extra, some in extras.items() if extra != "test" for r in some)
    known = packages_distributions()
    missing = {
        package: str(path)
        for package, path in strangers().items()
        if package not in ("agecls", "study")
        and not names(known.get(package, [package])) & declared
    }
    assert missing == {}


@pytest.mark.parametrize(
    ("extra", "needs"),
    [
        # MLflow's own requirements leave them out, and its SQLite store imports them
        ("mlflow", {"mlflow-skinny", "sqlalchemy", "alembic"}),
        # torch.onnx imports the third
        ("export", {"onnx", "onnxruntime", "onnxscript"}),
    ],
)
def test_what_others_import_for_us_is_declared(extra, needs):
    assert names(PROJECT["optional-dependencies"][extra]) == needs


def test_the_dashboard_is_one_that_shows_the_right_tail():
    [dashboard] = PROJECT["optional-dependencies"]["dashboard"]
    assert dashboard == "optuna-dashboard>=0.21"
