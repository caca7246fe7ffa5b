"""Where the report's numbers come from, and how to make them again."""

import shlex
from typing import Any

from agecls.data.loading import SYNTHETIC, SYNTHETIC_SOURCE
from study.asked.plans import After
from study.asked.study import Study
from study.folder.folder import Folder
from study.folder.provenance import changed_claims
from study.folder.tables import StudyTables
from study.locks.lock import ADDITIONS, HASH, Lock
from study.report.wording import count, listed


def provenance_rows(tables: StudyTables, lock: Lock | None) -> list[tuple[str, str]]:
    """Name and value of everything known about the run; a folder of other tools knows little."""
    study, known = tables.study, tables.known
    ended = known.get("ended_at") or "not yet"
    sessions = known.array("sessions")
    rows = [
        ("Command", known.get("command")),
        ("Commit", known.get("git_commit")),
        ("Seed", None if study.imported else _seed(study)),
        ("Started", known.get("started_at")),
        ("Ended", ended if known else None),
        ("Sessions", count(len(sessions), "session") if len(sessions) > 1 else None),
        ("Machine", _flat(known.get("machine"))),
        ("Versions", _flat(known.get("versions"))),
        ("Goes on from", _after(study.after) if study.after else None),
        ("Pretrained arms start from", pretrained_start(study)),
        ("Trainable", study.trainable.function if study.trainable else None),
        ("Data", study.data),
        (_fingerprinted(study), known.fingerprint),
        ("Hash of the claims", known.get("claims_hash")),
        *lock_rows(lock),
        ("Claims have changed", changed_claims(known.get("claims_hash"), study)),
        ("Imported from", study.imported.source if study.imported else None),
        ("An epoch here is", study.imported.epoch if study.imported else None),
        ("Folder", str(tables.folder)),
    ]
    return [(name, str(value)) for name, value in rows if value]


def _fingerprinted(study: Study) -> str:
    return "SHA-256 of its module" if study.trainable else "Data fingerprint"


def _after(after: After) -> str:
    claims = f"; claims: {', '.join(after.claims)}" if after.claims else ""
    return f"{after.sentence}{claims}; SHA-256 {after.sha256}"


def _seed(study: Study) -> str:
    return f"{study.seed} (each trial's own is in its configuration)"


def lock_rows(lock: Lock | None) -> list[tuple[str, str]]:
    """What was fixed before the first trial; none where the study was begun without a lock."""
    if lock is None:
        return []
    rows = [("Locked", f"{lock['locked_at']}, SHA-256 {lock[HASH]}")]
    for one in lock[ADDITIONS]:
        names = listed(list(one["claims"]))
        rows.append(("Added to the lock", f"{one['added_at']}: {names}, SHA-256 {one[HASH]}"))
    return rows


def pretrained_start(study: Study) -> str:
    """What arms with `init = "pretrained"` start from, in words; empty where none does."""
    if study.is_free or not any(
        "pretrained" in factor.levels for factor in study.factors if factor.name == "init"
    ):
        return ""
    if study.pretrain is None:
        return study.weights or "weights that are not on record"
    data = study.pretrain.data
    faces = f"drawn faces ({data})" if data in (SYNTHETIC, SYNTHETIC_SOURCE) else data
    return f"backbones trained first on {faces}, {count(study.pretrain.epochs, 'epoch')}"


def again(tables: StudyTables) -> str:
    """Shell lines that run the same study again and write its report."""
    commit = str(tables.known.get("git_commit") or "").removesuffix("-dirty")
    name = f"{tables.folder.resolve().name}-again"
    lines = [f"git checkout {shlex.quote(commit)}"] if commit else []
    study_file = shlex.quote(str(Folder(tables.folder).study_file))
    lines += [f"python -m study.run {study_file} --name {shlex.quote(name)}"]
    lines += [f"python -m study.report {shlex.quote(name)}"]
    return "\n".join(lines)


def _flat(value: Any) -> str:
    """A dictionary in one line; anything else as it is."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return "" if value is None else str(value)
