"""What Ray reads from the environment at its import; prepared before that where possible."""

import atexit
import os
import secrets
import shutil
import sys
import tempfile
from typing import Any, Final

from study.errors import StudyError

_SHORT: Final = "/tmp"
_LONGEST_SOCKET: Final = 103 if sys.platform == "darwin" else 107
"""Bytes of a Unix socket's path."""
_BELOW_FOLDER: Final = len("/ray/session_2026-11-28_00-15-11_123456_4194304/sockets/plasma_store")


def prepare(*, is_local: bool) -> None:
    """No usage reports, no console of Ray's own, Ctrl-C is ours; what a user has set stays.

    Args:
        is_local: A Ray of our own on this machine: it listens on loopback only, which the name of
            that switch does not say, and to nobody without its token. A cluster's nodes need
            their real addresses, and have a token if whoever started them gave one.

    Raises:
        StudyError: There is no folder with a name short enough for Ray's sockets, or Ray was used
            before in this process and cannot be told of our token.
    """
    used: Any = sys.modules.get("ray")  # by a notebook, before the study
    if used is not None and used.is_initialized():
        return  # no second session starts, and the one that runs must keep its token
    wanted = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        # Or Tune starts one worker after another, with seconds of imports each. Our queue bounds
        # the trials that wait for one.
        "TUNE_MAX_PENDING_TRIALS_PG": "1000",
    }
    if is_local:
        wanted |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
        # Huge pages for PyTorch's buffers, a few per cent on a CPU. Workers inherit it; a runtime
        # environment would have each one started twice, and those that Ray has ready unused.
        wanted["THP_MEM_ALLOC_ENABLE"] = "1"
        # In memory only: Ray itself would write one to the home folder, for good.
        if not os.environ.keys() & {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}:
            wanted["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        if not _is_short(_folder()):
            wanted["RAY_TMPDIR"] = _short_folder()
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    if used is not None:
        _read_token_again(used)


def _read_token_again(ray: Any) -> None:
    """Have Ray heed what the environment says of tokens now, where it was used before.

    Ray 2.60 reads the mode at its import and the token in its first session, for the whole
    process, but what it starts reads them anew: it would refuse us, its own driver, for 20 s.
    Ray's own tests do it this way.

    Raises:
        StudyError: This Ray has no such way.
    """
    try:
        ray._raylet.Config.initialize("")
        ray._raylet.AuthenticationTokenLoader.instance().reset_cache()
    except AttributeError as error:
        raise StudyError(
            f"Ray {ray.__version__} was imported before in this process and may hold on to "
            "another token: start the study in a new process, or restart the notebook's kernel"
        ) from error


def _folder() -> str:
    """Where Ray would put its sockets: a job's own TMPDIR may be long."""
    here = os.environ.get("TMPDIR", "") if sys.platform.startswith("linux") else ""
    return os.environ.get("RAY_TMPDIR") or here or _SHORT


def _is_short(folder: str) -> bool:
    return len(os.fsencode(folder)) + _BELOW_FOLDER <= _LONGEST_SOCKET


def _short_folder() -> str:
    """A new folder that only we may enter, removed when the process ends.

    Raises:
        StudyError: It cannot be made, or the user chose a long one.
    """
    most = _LONGEST_SOCKET - _BELOW_FOLDER
    way_out = f"expected a folder of at most {most} bytes; set RAY_TMPDIR to one, such as {_SHORT}"
    if "RAY_TMPDIR" in os.environ:
        raise StudyError(
            f"RAY_TMPDIR={os.environ['RAY_TMPDIR']} is too long for Ray's sockets: {way_out}"
        )
    try:
        made = tempfile.mkdtemp(prefix="ray-", dir=_SHORT)
    except OSError as error:
        raise StudyError(
            f"TMPDIR={_folder()} is too long for Ray's sockets, and {_SHORT} cannot be written "
            f"({error.strerror}): {way_out}"
        ) from error
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
