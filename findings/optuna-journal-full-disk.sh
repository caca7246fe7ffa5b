#!/usr/bin/env bash
# A journal of Optuna's that a full disk cut short can be read, until somebody goes on with it.
#
# Versions    optuna 5.0.0 (2026-11-28, Linux).
# Behaviour   The disk is full in the middle of a record (here by a limit on the size of files), and
#             the last line of `JournalFileBackend`'s file has no end. It still opens, with every
#             trial that was complete. Once there is room again, `load_study` and `optimize` write
#             the next record behind the broken one, in its line. This record is lost, so that
#             `optimize` ends with an AttributeError of the storage's own, without a trial. A
#             second attempt adds a line behind that one, and from there on nobody can open the
#             file: JSONDecodeError, for readers too, the complete trials with it. Cutting off the
#             half line before going on is all that it takes.
# Guessed     The half record is dropped, as it is in reading, or the file refused; one trial of all
#             is lost. An attempt to go on does not spoil what could be read.
# Why         Searches are resumed by whoever finds them ended, often by a script and again and
#             again; a full disk, or a machine that lost its power, then costs all trials.
# Known       Broken lines, closed: https://github.com/optuna/optuna/issues/5138. Of going on after
#             a last line without an end not found.
#
# Exit status: 0 as described, 1 otherwise, 2 where the packages cannot be installed. Under a
# minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q optuna==5.0.0 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import resource
import signal
import sys
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.CRITICAL)
JOURNAL, MENDED = Path("journal.log"), Path("mended.log")
N_TRIALS, ROOM = 10, 20  # trials of a search, bytes that the disk has left
print(f"versions: optuna {optuna.__version__}")


def storage(path):
    return JournalStorage(JournalFileBackend(str(path)))


def complete(path):
    """How many complete trials a reader finds, or the error that it gets."""
    try:
        trials = optuna.load_study(storage=storage(path), study_name="search").trials
    except Exception as error:
        return type(error).__name__
    return sum(trial.state.name == "COMPLETE" for trial in trials)


def searched(study):
    """The error that ends a search, if any."""
    try:
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=N_TRIALS)
    except Exception as error:
        return type(error).__name__
    return None


def gone_on(path):
    try:
        return searched(optuna.load_study(storage=storage(path), study_name="search"))
    except Exception as error:
        return type(error).__name__


study = optuna.create_study(storage=storage(JOURNAL), study_name="search")
searched(study)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
full_at = JOURNAL.stat().st_size + ROOM
resource.setrlimit(resource.RLIMIT_FSIZE, (full_at, resource.RLIM_INFINITY))
ended = searched(study)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

lines = JOURNAL.read_text().splitlines(keepends=True)
is_torn = not lines[-1].endswith("\n")
readable = complete(JOURNAL)
print(f"the disk is full: {ended}; the last line is torn: {is_torn}; readable: {readable} trials")
MENDED.write_text("".join(lines[:-1]))

attempts, readers = [], []
for _ in range(3):
    attempts.append(gone_on(JOURNAL))
    readers.append(complete(JOURNAL))
print(f"seen: attempts to go on end with {attempts}")
print(f"seen: a reader finds after each {readers}")
mended = gone_on(MENDED), complete(MENDED)
print(f"guessed, and so it is without the half line: {mended[0]}, then {mended[1]} trials")
print("why: resuming twice costs a search that was all there")

as_described = (
    is_torn
    and readable == N_TRIALS
    and attempts[0] == "AttributeError"
    and attempts[1:] == ["JSONDecodeError"] * 2
    and readers[1:] == ["JSONDecodeError"] * 2
    and mended == (None, 2 * N_TRIALS)
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" -W ignore finding.py
