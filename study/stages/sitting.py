"""One sitting of a command at a study: its record is held, its end is written down."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from agecls.data.loading import FaceData
from agecls.errors import ToldError
from study.asked.study import Study
from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.provenance import Faces, Provenance
from study.folder.record import Record
from study.plan.sampler import SAMPLER
from study.stages import disk_space
from study.stages.session import Means, Session
from study.trainables.called import Function


@contextmanager
def opened(
    study: Study,
    folder: Folder,
    data: FaceData | Function,
    record: Record | None,
    means: Means,
) -> Iterator[Session]:
    """A session whose end is on record when the block ends; `Session.run` begins it there.

    Raises:
        StudyError: The folder was begun on other data, or its study file was changed by hand.
    """
    session = Session(
        study=study,
        folder=folder,
        data=data,
        record=record,
        provenance=_provenance(study, folder, data, means.command),
        **vars(means),
    )
    session.provenance.sit_down()
    yield session
    unfinished = None if session.is_searched else "the search is not over"
    session.provenance.get_up(session.interrupted or unfinished)
    session.provenance.write(folder)


@contextmanager
def begun(folder: Folder) -> Iterator[Record]:
    """The open record of a study, which one process holds; its folder is made if absent.

    A study that is refused before it began leaves no folder: its name would be taken then, and
    there would be nothing to report. Whatever was there before stays.

    Raises:
        StorageError: The folder cannot be written.
        RecordError: Another process works on the study.
    """
    home = folder.path
    absent = [path for path in (home, *home.parents) if not path.exists()]
    disk_space.make_folder(home)
    with Record(home) as record:
        try:
            yield record
        except ToldError:
            if home in absent and not folder.provenance.exists():
                shutil.rmtree(home, ignore_errors=True)
                with suppress(OSError):  # somebody else's study is in it by now
                    for parent in absent[1:]:
                        parent.rmdir()
            raise


@contextmanager
def held(folder: Folder) -> Iterator[Record | None]:
    """The study's open record, which one process holds; None where another tool wrote the tables.

    Raises:
        RecordError: Another process works on the study.
    """
    if not folder.record.exists():
        yield None
        return
    with Record(folder.path) as record:
        yield record


def _provenance(
    study: Study, folder: Folder, data: FaceData | Function, command: Sequence[str]
) -> Provenance:
    """The study's, checked; a new one where the study begins."""
    found, on_disk = Provenance.read(folder), folder.read_study()
    if found is None:
        path = study.trainable.function if study.trainable else study.data
        faces = Faces(path=path, fingerprint=data.fingerprint, summary=data.summary)
        return Provenance.opening(on_disk, command=command, data=faces, sampler=SAMPLER)
    check_same(found, study, folder, data)
    if changes := found.changes(on_disk):
        raise StudyError(
            f"{folder.study_file}: it has changed since the study began ({'; '.join(changes)}). "
            "Undo the change, or begin a new study with --name."
        )
    return found


def check_same(known: Provenance, study: Study, folder: Folder, data: FaceData | Function) -> None:
    """Refuse what the study was not begun on.

    Raises:
        StudyError: It is not the same.
    """
    before, now = known.data.fingerprint, data.fingerprint
    if before == now:
        return
    if isinstance(data, Function):
        raise StudyError(
            f"{folder.path}: {data.source} has changed since the study began (its SHA-256 was "
            f"{before} and is {now}), so new trials would not compare with those there are. Undo "
            "the change, or begin a new study with --name."
        )
    raise StudyError(
        f"{folder.path}: the study was begun on data with fingerprint {before}, but {study.data} "
        f"now has {now}. Bring the data back, or begin a new study with --name."
    )
