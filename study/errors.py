"""What can go wrong with a study.

StudyError
├── RecordError      the durable record of a study is damaged or in use
├── StorageError     the place for checkpoints cannot be reached or written, or is too small
├── SearchError      the search cannot go on, for instance since every trial fails alike
├── TablesError      a results folder or one of its tables is missing, damaged or does not fit
└── StudyFileError   a study file, preset or command-line value cannot be used as a study

A message is one line and says what was found, where (file, table and key), what was expected and
what to do. Commands turn a StudyError into that line on standard error and its exit status.
"""

from agecls.errors import ToldError


class StudyError(ToldError):
    """Base of every error that the package raises on purpose."""


class StudyFileError(StudyError, ValueError):
    """A study file holds something that no study can be made of."""


class TablesError(StudyError, ValueError):
    """A results folder or one of its tables cannot be used."""


class RecordError(StudyError, RuntimeError):
    """The durable record of a study cannot be opened or trusted."""


class StorageError(StudyError, OSError):
    """Checkpoints cannot be kept where they were to be."""


class SearchError(StudyError, RuntimeError):
    """A search cannot go on."""

    status = 1
