"""The forms that a study can be exported to.

Another is a module of its name in this room and a row of `FORMS`; where its files go is told in
`study.folder.folder`, and pyproject.toml has an extra of its name that installs what it needs.
Its tests are in tests/study/exporters, its pages docs/usual-tools.md and docs/dependencies.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:  # the command's --help need not wait for pandas
    from study.folder.tables import StudyTables


@dataclass(frozen=True, kw_only=True)
class Form:
    """What users are told of one form.

    Attributes:
        title: What it is called.
        package: What pip installs.
        to: What `--to` means for it.
        examples: Lines of the command's help.
    """

    title: str
    package: str
    to: str
    examples: str


FORMS: Final[Mapping[str, Form]] = {
    "tensorboard": Form(
        title="TensorBoard",
        package="tensorboard",
        to="a new folder for TensorBoard (default: tensorboard in the study's folder)",
        examples="""\
  python -m study.export_to tensorboard faces-cpu      then: tensorboard --logdir results/faces-cpu/tensorboard
""",  # noqa: E501
    ),
    "mlflow": Form(
        title="MLflow",
        package="mlflow-skinny",
        to="for MLflow a file or a tracking URI (default: mlflow.db there)",
        examples="""\
  python -m study.export_to mlflow faces-cpu           then, with all of mlflow installed:
      mlflow ui --backend-store-uri sqlite:///results/faces-cpu/mlflow.db
  python -m study.export_to mlflow faces-cpu --to http://127.0.0.1:5000
""",
    ),
}
"""By the name of a form's module, which is also the import that it needs."""


class Exporter(Protocol):
    """What the module of a form offers."""

    def export(self, tables: "StudyTables", to: str | None) -> str:
        """Write a study; what was written and where.

        Args:
            tables: What the study's folder holds.
            to: Where the user wants it; None: in the study's folder.

        Raises:
            StudyError: Something is there already, or the place cannot be used.
        """


def exporter(form: str) -> Exporter:
    """The module of a form, loaded when it is asked for."""
    return cast(Exporter, import_module(f"study.exporters.{form}"))
