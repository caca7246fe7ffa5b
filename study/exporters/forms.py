"""The forms that a study can be exported to; another is a module here and an entry below."""

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:  # the command's --help need not wait for pandas
    from study.folder.tables import StudyTables

PACKAGES: Final = {"tensorboard": "tensorboard", "mlflow": "mlflow-skinny"}
"""By form, which is also its module's name and the import that it needs: what pip installs."""


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
