"""Where a study's numbers come from: `study.json`, written at the start and at every end."""

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Self

from agecls.files import write_whole
from agecls.machine import cores
from study.asked.study import Study
from study.asked.study_text import differences, lasting
from study.errors import TablesError
from study.folder.folder import Folder

_PACKAGES: Final = ("agecls-study", "torch", "torchvision", "ray", "optuna", "numpy", "pandas")


@dataclass(kw_only=True)
class Faces:
    """The data that a study was begun on: where they lay, what they are, what an audit found."""

    path: str = ""
    fingerprint: str
    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Sitting:
    """One run of a command that worked on the study.

    Attributes:
        started_at: UTC, as all times here.
        ended_at: None while it runs, or where it was killed.
        interrupted: Why it ended before its work was done; None: it was done, or it runs.
        versions: Of Python and of packages; None: begun before this was kept.
    """

    started_at: str
    ended_at: str | None = None
    interrupted: str | None = None
    versions: dict[str, str] | None = None


@dataclass(kw_only=True)
class TestRead:
    """One look at results on the test split.

    Attributes:
        started_at: On disk before the look.
        ended_at: None where it was interrupted; the next command goes on with the same look.
        command: Whose words.
        n_models: Models that were looked at.
        n_new_models: Those among them that nobody had looked at before.
    """

    __test__ = False  # pytest's, which takes the name for a test's

    started_at: str
    ended_at: str | None
    command: str
    n_models: int
    n_new_models: int


@dataclass(kw_only=True)
class Confirmed:
    """What was confirmed.

    Attributes:
        seeds: The fresh seeds.
        rules: In words, by name.
        choices: By arm, the configuration and how it was chosen.
    """

    seeds: list[int]
    rules: dict[str, str]
    choices: list[dict[str, Any]]


_STAGES: Final = (
    "lock", "lock_states", "folds", "pretrained", "scout", "test_reads", "confirm", "shares",
    "external", "settle",
)  # fmt: skip
"""What only a stage that has run, or one with folds, leaves."""


@dataclass(kw_only=True)
class Provenance:
    """What `study.json` says.

    Attributes:
        study: The study's name.
        command: That began it.
        versions: Of Python and of packages, then.
        machine: Its system, processor and cores, then.
        git_commit: Of this program, with a mark if it was changed; None: not from a checkout.
        data: The faces.
        claims_hash: Of the claims, before the search.
        asked: What may not change later, as text by key; None: begun before this was kept.
        lock: Hash of what was fixed before the first trial; None: begun before this was kept.
        lock_states: Every hash that the lock has ended with since claims were added to it.
        started_at: UTC.
        ended_at: Of the last sitting that ended.
        finished: Whether all that was asked is done.
        sessions: Every sitting, in order.
        sampler: Its name and settings.
        weights: SHA-256 of each file of weights, by `variant-depth`.
        folds: What each fold of train and val holds, see `agecls.data.folded`, and a digest.
        pretrained: Last metrics of each backbone that the study trained itself, likewise.
        scout: What each cell showed.
        test_reads: Every look at results on the test split.
        confirm: What was confirmed.
        shares: Each time that fresh seeds were given to arms where the noise is: what was known
            then, and how many seeds each arm has after it.
        external: Every set of other faces that was scored.
        settle: The design that settles what is open, and which claims it does not ask, with why.
        others: What another version wrote, which stays.
    """

    study: str = ""
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    git_commit: str | None = None
    data: Faces
    claims_hash: str | None = None
    asked: dict[str, str] | None = None
    lock: str | None = None
    lock_states: list[str] = field(default_factory=list)
    started_at: str | None = None
    ended_at: str | None = None
    finished: bool = False
    sessions: list[Sitting] = field(default_factory=list)
    sampler: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    folds: dict[str, Any] = field(default_factory=dict)
    pretrained: dict[str, dict[str, float]] = field(default_factory=dict)
    scout: list[dict[str, Any]] = field(default_factory=list)
    test_reads: list[TestRead] = field(default_factory=list)
    confirm: Confirmed | None = None
    shares: list[dict[str, Any]] = field(default_factory=list)
    external: list[dict[str, Any]] = field(default_factory=list)
    settle: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def opening(
        cls, study: Study, *, command: Sequence[str], data: Faces, sampler: Mapping[str, Any]
    ) -> Self:
        """Provenance of a study that starts now.

        Args:
            study: The resolved study.
            command: The command's words.
            data: The faces.
            sampler: Name and settings of what proposes trials.
        """
        return cls(
            study=study.name,
            command=shlex.join(command),
            versions=_versions(),
            machine=_machine(),
            git_commit=_git_commit(),
            data=data,
            claims_hash=claims_hash(study),
            asked=lasting(study),
            started_at=now(),
            sampler=dict(sampler),
        )

    @classmethod
    def read(cls, folder: Folder) -> Self | None:
        """The provenance in a study's folder, or None where there is none.

        Raises:
            TablesError: It is damaged; a study cannot go on without knowing which data it is on.
        """
        path = folder.provenance
        if not path.exists():
            return None
        try:
            return cls._of(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise TablesError(
                f"{path}: damaged, so nobody can tell on which data the study was begun. Restore "
                "it from a copy, or delete it if the data are the same."
            ) from error

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Self:
        known = {f.name: content[f.name] for f in fields(cls) if f.name in content}
        known["data"] = Faces(**known["data"])
        known["sessions"] = [Sitting(**one) for one in known["sessions"]]
        known["test_reads"] = [TestRead(**one) for one in known.get("test_reads", [])]
        if "confirm" in known:
            known["confirm"] = Confirmed(**known["confirm"])
        texts = [known["data"].fingerprint, *(known.get("asked") or {}).values()]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a text is none")
        others = {key: value for key, value in content.items() if key not in known}
        return cls(**{**known, "others": others})

    def write(self, folder: Folder) -> None:
        """Replace the provenance in a study's folder, whole or not at all."""
        content = asdict(self)
        content |= content.pop("others")
        for sitting in content["sessions"]:
            if sitting["versions"] is None:
                del sitting["versions"]
        is_left_out = {name: not content[name] for name in _STAGES}
        is_left_out["asked"] = self.asked is None
        kept = {key: value for key, value in content.items() if not is_left_out.get(key)}
        text = json.dumps(kept, indent=1, ensure_ascii=False)
        write_whole(folder.provenance, text.encode())

    def sit_down(self) -> None:
        """Begin a sitting."""
        self.sessions.append(Sitting(started_at=now(), versions=_versions()))
        self.finished = False

    def get_up(self, interrupted: str | None) -> None:
        """End the open sitting; `interrupted` says why, None that the study is finished."""
        self.ended_at = self.sessions[-1].ended_at = now()
        self.sessions[-1].interrupted = interrupted
        self.finished = interrupted is None

    def changes(self, study: Study) -> list[str]:
        """What `study` asks that was not asked when the study began, in words.

        Provenance of earlier versions knows the claims' hash alone.
        """
        if self.asked is not None:
            asked = lasting(study)
            # of a recipe's fields those that came since then stand at their default
            since = {
                f"[factors.{name}] {key}"
                for name in study.at_default
                for key in ("role", "value")
                if f"[factors.{name}] role" not in self.asked
            }
            return differences(
                self.asked, {place: text for place, text in asked.items() if place not in since}
            )
        problem = changed_claims(self.claims_hash, study)
        return [f"claims: {problem}"] if problem else []


class Known(dict[str, Any]):
    """What a `study.json` holds, or a table in it, whoever wrote it: another tool, or nobody.

    What is not of the kind that is asked for is not there.
    """

    def table(self, *names: str) -> "Known":
        """The table that these lead to; an empty one where there is none."""
        found: Any = self
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return Known(found) if isinstance(found, dict) else Known()

    def text(self, name: str) -> str:
        """A text; empty where there is none."""
        found = self.get(name)
        return found if isinstance(found, str) else ""

    def array(self, name: str) -> list[Any]:
        """A list; empty where there is none."""
        found = self.get(name)
        return found if isinstance(found, list) else []

    def tables(self, name: str) -> list["Known"]:
        """The tables in a list that hold anything."""
        return [Known(one) for one in self.array(name) if isinstance(one, dict) and one]

    @property
    def fingerprint(self) -> str:
        """Of the data; empty where that is unknown."""
        return self.table("data").text("fingerprint")

    @property
    def folds_digest(self) -> str | None:
        """Of which image or example is in which fold."""
        return self.table("folds").text("digest") or None


def as_it_stands(folder: Folder) -> Known | None:
    """What a `study.json` holds, unchecked; None where there is none.

    Raises:
        TablesError: It is no JSON object.
    """
    path = folder.provenance
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise TablesError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise TablesError(f"{path}: holds a {type(content).__name__}; expected an object")
    return Known(content)


def claims_hash(study: Study) -> str:
    """Hash of the declared claims: shows whether they were changed after the search began."""
    told = [
        # what a claim does not say is not hashed, so that later forms leave old hashes alone
        {key: value for key, value in asdict(claim).items() if value not in (None, {})}
        for claim in study.claims
    ]
    text = json.dumps(told, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def changed_claims(before: Any, study: Study) -> str | None:
    """How the claims are not those whose hash was `before` the search, or None."""
    now = claims_hash(study)
    if before in (None, now):
        return None
    return f"their hash was {before} before the search and is {now}"


def now() -> str:
    """The time in UTC, to the second, in ISO form."""
    return datetime.now(UTC).isoformat(timespec="seconds")


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
