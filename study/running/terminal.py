"""What a person sees while a search runs: a live table, or plain lines where nobody watches."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from study.asked.factors import Level
from study.asked.study import arm_name
from study.folder.record import TrialRecord
from study.measure import Measure
from study.quantities import duration as duration  # of all times that a terminal shows
from study.running.search_state import Search

QUIET_FOR = 2.0
"""Seconds that a step may take before its progress is shown."""


def describe(config: dict[str, Level], names: list[str]) -> str:
    """A configuration in one line: the named factors that exist."""

    def word(value: Level) -> str:
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    return ", ".join(f"{name} {word(config[name])}" for name in names if name in config)


class SearchDisplay:
    """Follows a search; `tick` after every event.

    On a terminal it redraws a table; elsewhere it prints one line per trial that ended.
    """

    def __init__(
        self, search: Search, *, majority: float | None, console: Console, above: str = ""
    ) -> None:
        """Follow `search`.

        Args:
            search: What runs.
            majority: The validation share of the commonest class; None where there are none.
            console: Where it is shown.
            above: Stands above the table on a terminal.
        """
        self._search = search
        self._above = above
        self._measure = search.study.measure
        self._majority = majority
        self._console = console
        self._started = time.monotonic()
        self._already = self._epochs_run()
        self._shown = {n for n, t in search.record.trials.items() if t.status != "running"}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the display on screen within the block."""
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._draw, console=self._console, refresh_per_second=2):
            yield

    def tick(self) -> None:
        """Take notice of whatever has changed."""
        if self._console.is_terminal:
            return
        for number, trial in self._search.record.trials.items():
            if trial.status != "running" and number not in self._shown:
                self._shown.add(number)
                self._console.print(self._line(number), highlight=False, markup=False)

    def _line(self, number: int) -> str:
        trial = self._search.record.trials[number]
        done = len(self._shown)
        what = f"{trial.status} after {len(trial.epochs)}/{trial.epochs_planned} epochs"
        if trial.status == "failed":
            what += f": {trial.end['error'] if trial.end else ''}"
        else:
            named = f"{self._measure.name_after} {self._value(trial)}"
            what += f", {named.lstrip()}"
        left = self._time_left()
        rest = f", {duration(left)} left" if left else ""
        tuned = [f.name for f in self._search.study.of_role("tuned")]
        return (
            f"[{done}/{len(self._search.plan)}{rest}] {trial.trial_id} {trial.arm}: {what} "
            f"({describe(trial.config, tuned)})"
        )

    def _value(self, trial: TrialRecord) -> str:
        """The study's metric after a trial's last epoch, in words."""
        return self._measure.plain(trial.epochs[-1].get(self._measure.column))

    def _epochs_run(self) -> int:
        return sum(len(t.epochs) for t in self._search.record.trials.values())

    def _time_left(self) -> float | None:
        """Seconds to the end at the pace so far; None before the first epoch."""
        ran = self._epochs_run() - self._already
        ended = [t for t in self._search.record.trials.values() if t.status != "running"]
        if not ran or not ended:
            return None
        per_trial = sum(len(t.epochs) for t in ended) / len(ended)
        to_come = len(self._search.plan) - len(self._search.record.trials)
        epochs = to_come * per_trial + sum(
            t.epochs_planned - len(t.epochs) for t in self._search.live
        )
        return epochs * (time.monotonic() - self._started) / ran

    def _draw(self) -> Group:
        above = [Text(self._above)] if self._above else []
        return Group(*above, self._header(), self._arms(), self._running())

    def _header(self) -> Text:
        ended = sum(t.status != "running" for t in self._search.record.trials.values())
        text = f"{ended} of {len(self._search.plan)} trials, "
        text += duration(time.monotonic() - self._started)
        left = self._time_left()
        return Text(text + (f", about {duration(left)} left" if left else ""), style="bold")

    def _arms(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("arm")
        for name in ("completed", "stopped", "failed", f"best {self._measure.label}"):
            table.add_column(name, justify="right")
        best = self._search.best_of_arms()
        counts = Counter((t.arm, t.status) for t in self._search.record.trials.values())
        for cell in self._search.study.arms:
            arm = arm_name(self._search.study, cell)
            value = self._value(best[arm]) if arm in best else "-"
            states = [str(counts[arm, s]) for s in ("completed", "stopped", "failed")]
            table.add_row(arm, *states, value)
        if self._measure == Measure("val_accuracy") and self._majority is not None:
            share = self._measure.plain(self._majority)
            table.add_row("majority class", "", "", "", share, style="dim")
        return table

    def _running(self) -> Table:
        table = Table(box=None, pad_edge=False)
        names = ("running", "arm", "epoch", self._measure.label, "images/s", "configuration")
        for name in names:
            table.add_column(name, no_wrap=True)
        tuned = [f.name for f in self._search.study.of_role("tuned")]
        for trial in self._search.live:
            last = trial.epochs[-1] if trial.epochs else {}
            table.add_row(
                trial.trial_id,
                trial.arm,
                f"{len(trial.epochs)}/{trial.epochs_planned}",
                self._value(trial) if last else "-",
                f"{last['images_per_second']:.0f}" if "images_per_second" in last else "-",
                describe(trial.config, tuned),
            )
        return table


@contextmanager
def progress(title: str, console: Console) -> Iterator[Callable[[int, int], None]]:
    """A callback (done, total) that draws a bar once the step takes over two seconds."""
    started = time.monotonic()
    bar = Progress(
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task(title, total=None)
    is_shown = False

    def advance(done: int, total: int) -> None:
        nonlocal is_shown
        if not console.is_terminal:
            return
        if not is_shown and time.monotonic() - started > QUIET_FOR:
            bar.start()
            is_shown = True
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if is_shown:
            bar.stop()


def console() -> Console:
    """The console for progress and results: standard output."""
    return Console(file=sys.stdout, soft_wrap=True)
