"""Where a study's numbers come from: `study.json`, written at the start and at every end."""

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from agecls.machine import cores
from study.asked.factors import Study
from study.asked.study_text import differences, lasting
from study.errors import TablesError
from study.folder.tables import write_whole

FILE_NAME: Final = "study.json"

_PACKAGES: Final = ("agecls-study", "torch", "torchvision", "ray", "optuna", "numpy", "pandas")


def claims_hash(study: Study) -> str:
    """Hash of the declared claims: shows whether they were changed after the search began."""
    told = [
        # what a claim does not say is not hashed, so that later forms leave old hashes alone
        {key: value for key, value in asdict(claim).items() if value not in (None, {})}
        for claim in study.claims
    ]
    text = json.dumps(told, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def opening(study: Study, *, command: Sequence[str], data: dict[str, Any]) -> dict[str, Any]:
    """Provenance of a study that starts now.

    Args:
        study: The resolved study.
        command: The command's words.
        data: Path, fingerprint and audit summary of the data.
    """
    return {
        "study": study.name,
        "command": shlex.join(command),
        "versions": _versions(),
        "machine": _machine(),
        "git_commit": _git_commit(),
        "data": data,
        "claims_hash": claims_hash(study),
        "asked": lasting(study),
        "started_at": now(),
        "ended_at": None,
        "finished": False,
        "sessions": [],
    }


def changes(found: dict[str, Any], study: Study) -> list[str]:
    """What `study` asks that was not asked when the provenance in `found` was opened, in words.

    Provenance of earlier versions knows the claims' hash alone.
    """
    if "asked" in found:
        return differences(found["asked"], lasting(study))
    problem = changed_claims(found, study)
    return [f"claims: {problem}"] if problem else []


def changed_claims(found: Mapping[str, Any], study: Study) -> str | None:
    """How the claims are not those whose hash was taken before the search, or None."""
    before, now = found.get("claims_hash"), claims_hash(study)
    if before in (None, now):
        return None
    return f"their hash was {before} before the search and is {now}"


def now() -> str:
    """The time in UTC, to the second, in ISO form."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read(folder: Path) -> dict[str, Any] | None:
    """The provenance in a study's folder, or None where there is none.

    Raises:
        TablesError: It is damaged; a study cannot go on without knowing which data it is on.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        is_whole = isinstance(content["data"]["fingerprint"], str) and all(
            isinstance(session, dict) for session in [*content["sessions"]]
        )
        asked = content.get("asked", {}).items()
        is_whole = is_whole and all(isinstance(text, str) for _, text in asked)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise TablesError(
            f"{path}: damaged, so nobody can tell on which data the study was begun. Restore it "
            "from a copy, or delete it if the data are the same."
        )
    return content


def write(folder: Path, provenance: dict[str, Any]) -> None:
    """Replace the provenance in a study's folder, whole or not at all."""
    content = json.dumps(provenance, indent=1, ensure_ascii=False)
    write_whole(folder / FILE_NAME, content.encode())


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _machine() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = (line for line in info.read_text().splitlines() if line.startswith("model name"))
        cpu = next(names, f":{cpu}").partition(":")[2].strip()
    return {"system": platform.platform(), "cpu": cpu, "cores": cores()}


def _git_commit() -> str | None:
    """Commit of the checkout that holds this package, with a mark if it was changed.

    None for a package that was installed inside another project's checkout.
    """
    here = Path(__file__)
    is_tracked = ["ls-files", "--error-unmatch", here.name]
    commit = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        _, described = (
            subprocess.run(
                ["git", *words],
                cwd=here.parent,
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            )
            for words in (is_tracked, commit)
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def this_command(module: str) -> list[str]:
    """The words of the running command as a user would type them."""
    return ["python", "-m", module, *sys.argv[1:]]
