"""The report in short, as Markdown: for a pull request, an issue or a paper's appendix."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from agecls.files import write_whole
from study.analysis import conclude
from study.analysis.checks.recorded import majority_share, search_majority
from study.asked.study import Study
from study.folder.folder import Folder
from study.report.head.answer import Answer
from study.report.head.digest import Digest, digest_of
from study.report.head.earlier import earlier_note
from study.report.head.ledger import STAGE_NAMES, Entry, Standing, note_of_stages
from study.report.head.overview import arms_n, budget_sentence, progress_data
from study.report.sources import lock_rows, pretrained_start
from study.report.wording import ACCURACY, SYMBOLS, count, percent

_MARKUP: Final = re.compile(r"([\\`*_<>|~&!]|(?<=\])[(:\[])")
"""What means something inside a line; a bracket does only where another one follows it."""

_SPACE: Final = re.compile(r"[^\S\u00a0\u202f]+")
"""Space but for the narrow one before a unit."""


def write_summary(folder: Path) -> Path:
    """Analyse a results folder, write its `report.md` and return the path of that.

    Raises:
        StudyError: The folder is not a study's, or a file in it is damaged.
        OSError: The folder cannot be written.
    """
    found = conclude(folder)
    path = Folder(folder).summary
    text = summary(digest_of(found.tables), notes=found.analysis.notes)
    # a folder's name may be no text
    write_whole(path, text.encode(errors="backslashreplace"))
    return path


def summary(digest: Digest, *, notes: Sequence[str] = ()) -> str:
    """The summary of one study; texts from the study cannot become markup.

    Args:
        digest: The study.
        notes: What the analysis left out and why.
    """
    answer, progress = digest.answer, progress_data(digest.tables)
    parts = [
        f"## {plain(digest.question)}",
        *(["**This study is unfinished; all of this may change.**"] * (not progress.is_finished)),
        "\n".join(f"- {_settled(entry)}" for entry in answer.settled),
        f"{plain(answer.claims)} {plain(answer.best)} {_majority(digest)}".strip(),
        plain(answer.recipe),
        plain(answer.factors),
        _arms(digest),
        _claims(digest.claims),
        _caveats(answer, digest, notes),
        f"{plain(progress.sentence)} {_provenance(digest)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """A text that Markdown shows letter by letter, on one line."""
    return _MARKUP.sub(r"\\\1", _SPACE.sub(" ", text).strip())


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A pipe table of plain texts."""
    lines = [columns, ["---"] * len(columns), *([plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _settled(entry: Entry) -> str:
    standing = entry.standing
    if standing is None:
        return plain(entry.text)
    sign = SYMBOLS.get(entry.verdict, "")
    return f"{sign} {plain(standing.sentence)} ({STAGE_NAMES[standing.stage]})"


def _majority(digest: Digest) -> str:
    if digest.confirmed:
        share = majority_share(digest.tables, split=digest.confirmed.split)
    else:
        share = search_majority(digest.tables)
    if share is None or digest.measure != ACCURACY:
        return ""
    return f"Naming the commonest class every time would score {percent(share)}."


def _arms(digest: Digest) -> str:
    confirmed, has_earlier = digest.confirmed, any(row.earlier for row in digest.arms)
    columns = ["Arm"]
    if confirmed is not None:
        columns.append(f"Confirmed {confirmed.measure(confirmed.split).label} [95 %]")
    columns.append(f"Search’s best {digest.measure.label} (flattered)")
    columns += ["Earlier study, untuned"] * has_earlier
    columns += ["Trials"]
    rows = []
    for row in digest.arms:
        cells = [row.arm]
        if confirmed is not None:
            value, measure = row.confirmed, confirmed.measure(confirmed.split)
            cells.append(
                f"{value.text(measure)}, {count(value.n_seeds, 'seed')}" if value else "–"
            )
        cells.append(digest.measure.text(row.best_value))
        if has_earlier:
            model = row.earlier
            cells.append(f"{percent(model.accuracy)} ({model.name})" if model else "–")
        cells.append(str(row.n_trials))
        rows.append(cells)
    return table(columns, rows)


def _claims(claims: Sequence[Entry]) -> str:
    if not claims:
        return ""
    has_settled = any(entry.settled for entry in claims)
    columns = ["Claim", "Settled [95 %]", "Confirmed [95 %]", "Search [95 %]", "Verdict"]
    rows = [
        [
            entry.text + " (added after the search)" * entry.is_added + _carried(entry),
            _cell(entry.settled) if entry.settled else "–",
            "; ".join(_cell(one) for one in entry.confirmed) or "–",
            _cell(entry.searched) if entry.searched else "–",
            f"{SYMBOLS.get(entry.verdict, '')} {entry.verdict}",
        ]
        for entry in claims
    ]
    if not has_settled:
        for row in (columns, *rows):
            del row[1]
    return table(columns, rows)


def _carried(entry: Entry) -> str:
    return f" (carried on from {entry.carried_from})" if entry.carried_from else ""


def _cell(standing: Standing) -> str:
    """An estimate with what it rests on, or why there is none."""
    behind = standing.n or standing.reason
    return f"{standing.value} ({behind})" if behind else standing.value


def _caveats(answer: Answer, digest: Digest, notes: Sequence[str]) -> str:
    confirmed = digest.confirmed
    found = [*answer.warnings]
    if digest.claims:
        found.append(note_of_stages(digest.claims, is_confirmed=confirmed is not None))
    found.append(budget_sentence(digest.arms))
    if confirmed:
        found.append(f"n of the confirmed values: {arms_n(digest.arms)}.")
    if any(row.earlier for row in digest.arms):
        found.append(earlier_note(digest.tables.study))
    return "\n".join(f"- {plain(text)}" for text in (*found, *notes))


def _provenance(digest: Digest) -> str:
    known = digest.tables.known
    torch = known.table("versions").get("torch")
    parts = [
        f"`{known['command']}`" if _is_code(known.get("command")) else "",
        f"commit {str(known['git_commit'])[:10]}" if known.get("git_commit") else "",
        f"torch {torch}" if torch else "",
        f"pretrained: {start}" if (start := pretrained_start(digest.tables.study)) else "",
        *_data(digest.tables.study, known.fingerprint),
        digest.tables.study.after.sentence if digest.tables.study.after else "",
        f"begun {known['started_at']}" if known.get("started_at") else "",
        *(f"{name.lower()} {value}" for name, value in lock_rows(digest.lock.lock)),
    ]
    return " · ".join(part if part.startswith("`") else plain(part) for part in parts if part)


def _data(study: Study, fingerprint: str) -> list[str]:
    if study.imported:
        return [f"imported from {study.imported.source}"]
    if study.trainable:
        mark = f" (SHA-256 of its module {fingerprint})" if fingerprint else ""
        return [f"trains {study.trainable.function}{mark}"]
    return [f"data {study.data}" + (f" ({fingerprint})" if fingerprint else "")]


def _is_code(text: object) -> bool:
    """Whether a text can stand between backticks as it is."""
    return isinstance(text, str) and bool(text) and "`" not in text and text.isprintable()
