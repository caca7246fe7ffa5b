"""The lines of `record.jsonl`: JSON with a checksum that ties each line to all before it.

A line ends in `"crc"`, the CRC-32 in hexadecimal of every byte of the file before that key. A
digit that changed and is still JSON, a line that moved and one that is gone are thus noticed at
the first line whose checksum does not fit. Records begun before there were checksums have lines
without; the first line with one vouches for those before it, and all after it must have theirs.
What cannot be noticed is the loss of whole lines at the end: the record as it was earlier.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from study.errors import RecordError

CRC: Final = "crc"

_SEAL: Final = re.compile(rb', "crc": "([0-9a-f]{8})"\}\n\Z')


def sealed(event: Mapping[str, Any], before: int) -> bytes:
    """An event as a line with its checksum.

    Args:
        event: What JSON can hold; not empty.
        before: CRC-32 of the file so far, 0 for an empty one.
    """
    body = json.dumps(event).encode()[:-1]
    return body + f', "{CRC}": "{zlib.crc32(body, before):08x}"}}\n'.encode()


def read_events(path: Path) -> Iterator[Any]:
    """The whole lines of a record without their checksums, in order; a torn last one is not given.

    Raises:
        RecordError: A whole line is not JSON, or its checksum does not fit.
    """
    if not path.exists():
        return
    crc, is_sealed = 0, False
    with path.open("rb") as file:
        for n, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            seal = _SEAL.search(line)
            if seal is not None and int(seal[1], 16) != zlib.crc32(line[: seal.start()], crc):
                others = "" if is_sealed else ", or a line before it,"
                raise damaged(path, n, f"its checksum is wrong: it{others} was changed or moved")
            if seal is None and is_sealed:
                raise damaged(path, n, "it has no checksum, and the line before has one")
            crc, is_sealed = zlib.crc32(line, crc), seal is not None
            try:
                event = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise damaged(path, n, str(error)) from error
            if seal is not None:
                del event[CRC]
            yield event


def drop_torn_tail(path: Path) -> None:
    """Cut a file of lines after its last newline, where a killed process left half a line."""
    with path.open("r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)


def damaged(source: str | Path, line: int, problem: str) -> RecordError:
    """The error for a line that cannot be trusted."""
    return RecordError(
        f"{source}, line {line}: not as this tool wrote it ({problem}). Restore the file from a "
        "copy; its later lines cannot be trusted."
    )
