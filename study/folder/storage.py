"""Where checkpoints lie: a folder, or any filesystem that pyarrow reaches by a URI.

On one machine, or with a shared folder, workers write in place. With `--storage s3://…` (or gs,
hdfs, …) they write beside themselves first and upload, so that a trial whose node died goes on
elsewhere. An object store shows an upload whole or not at all; elsewhere we rename.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import fs

from study.errors import StorageError

SUFFIX = ".pt"


def below(uri: str, name: str) -> str:
    """The URI or path of a folder inside another one; a URI's query stays at its end."""
    path, mark, query = uri.partition("?") if "://" in uri else (uri, "", "")
    return f"{path.rstrip('/')}/{name}{mark}{query}"


@dataclass(frozen=True)
class Storage:
    """Checkpoints of one study.

    Attributes:
        uri: An absolute path, or a URI such as `s3://bucket/folder`.
    """

    uri: str

    def _reach(self) -> tuple[Any, str]:
        """The filesystem and the folder's path on it.

        Raises:
            StorageError: pyarrow knows no such filesystem, or it cannot be reached.
        """
        try:
            system, base = fs.FileSystem.from_uri(self.uri)
        except (ValueError, OSError, NotImplementedError) as error:
            raise StorageError(
                f"--storage {self.uri}: no filesystem that can be reached ({error}). "
                "Give an absolute path or a URI such as s3://bucket/folder."
            ) from error
        return system, base

    def prepare(self) -> None:
        """Make the folder, and remove what killed writers left in it half-written.

        Raises:
            StorageError: It cannot be reached or written.
        """
        system, base = self._reach()
        try:
            system.create_dir(base, recursive=True)
            for info in system.get_file_info(fs.FileSelector(base)):
                if info.base_name.endswith((".tmp", ".part")):
                    system.delete_file(info.path)
        except OSError as error:
            raise StorageError(f"{self.uri}: cannot be written ({error})") from error

    @contextmanager
    def local_copy(self, trial_id: str) -> Iterator[Path]:
        """A path on this node that holds the trial's checkpoint, if there is one.

        What is written there within the block is the checkpoint only after `publish`.
        """
        system, base = self._reach()
        name = trial_id + SUFFIX
        if isinstance(system, fs.LocalFileSystem):
            yield Path(base) / name
            return
        with tempfile.TemporaryDirectory(prefix="study-checkpoint-") as folder:
            path = Path(folder) / name
            if system.get_file_info(f"{base}/{name}").type == fs.FileType.File:
                fs.copy_files(f"{base}/{name}", str(path), source_filesystem=system)
            yield path

    def publish(self, path: Path) -> None:
        """Make the file that `local_copy` gave the trial's checkpoint."""
        system, base = self._reach()
        if isinstance(system, fs.LocalFileSystem):
            return  # it was written in place, by rename
        target = f"{base}/{path.name}"
        fs.copy_files(str(path), f"{target}.part", destination_filesystem=system)
        system.move(f"{target}.part", target)

    def keep_only(self, trial_ids: set[str]) -> None:
        """Delete the checkpoints of all other trials."""
        system, base = self._reach()
        for info in system.get_file_info(fs.FileSelector(base, allow_not_found=True)):
            # a writer that died with its node leaves `.t00001.pt.4711.tmp`
            owner, suffix, _ = info.base_name.removeprefix(".").partition(SUFFIX)
            if suffix and owner not in trial_ids:
                system.delete_file(info.path)
