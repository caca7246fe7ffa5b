"""Trainings of recipes whose nets half-fail, with known truth: are they found, and no good ones?

Run by hand: `python -m tests.simulate.hardly 60 101 102`: recipes a set, and seeds. A net's
evidence for an image is `strength` for the true class plus noise of its own, and its probabilities
are Bayes' from that: shares count. What makes real ones harder is there: images come in clusters
that are hard or easy together, nets are too sure or not sure enough, some were trained on balanced
classes, and seeds differ.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from agecls.learned import has_learned_by
from agecls.metrics import ClassSums, confusion, nll
from study.analysis.confirm.learned import Gain, gain, which_learned
from study.analysis.maths.counted import jeffreys

KINDS: Final = ("prior", "few classes", "slow")
SETS: Final = {
    "2": np.array([0.5, 0.5]),
    "2, 95 to 5": np.array([0.95, 0.05]),
    "8": np.full(8, 1 / 8),
    "8, unbalanced": 0.7 ** np.arange(8) / (0.7 ** np.arange(8)).sum(),
    "100": np.full(100, 1 / 100),
    "100, unbalanced": 0.95 ** np.arange(100) / (0.95 ** np.arange(100)).sum(),
}


@dataclass(frozen=True, kw_only=True)
class Net:
    """A trained net: what became of it, and what it says.

    Attributes:
        kind: `good`, or how it failed.
        gain: By its predictions on val.
        by_metrics: Whether its metrics alone say that it learned.
    """

    kind: str
    gain: Gain
    by_metrics: bool


@dataclass(frozen=True, kw_only=True)
class World:
    """A data set and a recipe.

    Attributes:
        shares: Of the classes.
        strength: Of a good net's evidence.
        n_val: Images.
        n_train: Images.
        spread: Sd over seeds of the strength, as a share of it.
    """

    shares: np.ndarray
    strength: float
    n_val: int
    n_train: int
    spread: float

    @classmethod
    def drawn(cls, shares: np.ndarray, rng: np.random.Generator) -> "World":
        """One in which a good net is clear of chance: accuracy 30 to 95 % of what can be won."""
        k = len(shares)
        least = 1.0 + 0.5 * np.log10(k) + 1.0 * (shares.max() > 0.9)
        return cls(
            shares=shares,
            strength=float(rng.uniform(least, least + 2.0)),
            n_val=int(rng.choice([400, 1500])) * (1 if k < 50 else 2),
            n_train=1000,
            spread=float(rng.choice([0.02, 0.05])),
        )

    def net(self, kind: str, rng: np.random.Generator) -> Net:
        strength = self.strength * float(np.exp(rng.normal(0, self.spread)))
        if kind == "slow":
            strength = self._weaker(float(rng.uniform(0.1, 0.4)), rng)
        if kind == "prior":
            strength = float(rng.uniform(0, 0.05))
        heat, tilt = float(np.exp(rng.normal(0, 0.4))), float(rng.choice([0, 0, 0.7]))
        groups = rng.integers(2, size=len(self.shares)) if kind == "few classes" else None
        said = []
        for n, more in ((self.n_val, 1.0), (self.n_train, float(rng.uniform(1, 1.3)))):
            labels = rng.choice(len(self.shares), size=n, p=self.shares)
            hard = np.exp(rng.normal(0, 0.3, size=n // 8 + 1))[rng.integers(n // 8 + 1, size=n)]
            p = self._answers(labels, strength * more * hard, groups, rng)
            z = np.log(p) / heat - tilt * np.log(self.shares)
            said.append((labels, special.softmax(z, axis=1)))
        (labels, p), (train_labels, train_p) = said
        k = len(self.shares)
        table = confusion(labels, p.argmax(axis=1), n_classes=k)
        by_metrics = has_learned_by(
            train_loss=nll(train_labels, train_p),
            val_loss=nll(labels, p),
            val_accuracy=float(np.trace(table) / table.sum()),
            val_macro_f1=float(ClassSums.of_table(table).macro_f1()),
            train_counts=np.bincount(train_labels, minlength=k),
            val_counts=table.sum(axis=1),
        )
        return Net(kind=kind, gain=gain(labels, p), by_metrics=by_metrics)

    def _weaker(self, share: float, rng: np.random.Generator) -> float:
        """The strength that gains this share of what a good net gains."""
        labels = rng.choice(len(self.shares), size=1000, p=self.shares)
        nothing = nll(labels, np.tile(self.shares, (1000, 1)))
        strengths = self.strength * np.linspace(0, 1, 9)
        gains = [
            nothing - nll(labels, self._answers(labels, np.full(1000, s), None, rng))
            for s in strengths
        ]
        gains = np.maximum.accumulate(gains)
        return float(np.interp(share * gains[-1], gains, strengths))

    def _answers(self, labels, strength, groups, rng) -> np.ndarray:
        """Bayes' probabilities (n, K) from noisy evidence; of groups of classes where given."""
        n, k = len(labels), len(self.shares)
        z = rng.normal(size=(n, k))
        truth = np.eye(k)[labels]
        if groups is not None:
            truth = (groups[:, None] == groups[None, :])[labels] / np.sqrt(k / 2)
            z = np.stack([z[:, groups == g].sum(axis=1) for g in (0, 1)], axis=1)[:, groups]
            z /= np.sqrt(np.maximum(np.bincount(groups, minlength=2), 1))[groups]
            strength = np.minimum(strength, 1.0)
        z = z + strength[:, None] * truth
        logs = strength[:, None] * z + np.log(self.shares)
        return special.softmax(logs, axis=1)


def recipes(
    n: int, shares: np.ndarray, rng: np.random.Generator, *, fails: float
) -> Iterator[tuple[list[Net], np.ndarray]]:
    """Trainings of recipes, some of which fail, and which of them the detector says learned."""
    for _ in range(n):
        world = World.drawn(shares, rng)
        size = int(rng.choice([3, 5, 10]))
        # of two classes one is few: such a net names shares, which is the first kind
        failing = KINDS if len(shares) > 2 else KINDS[::2]
        kinds = [str(rng.choice(failing)) if rng.random() < fails else "good" for _ in range(size)]
        kinds[int(rng.integers(size))] = "good"  # a recipe none of whose nets learns has no half
        nets = [world.net(kind, rng) for kind in kinds]
        yield nets, which_learned([net.gain for net in nets])


def tally(
    n: int, seed: int, sets: Mapping[str, np.ndarray] = SETS, *, fails: float
) -> dict[str, Counter]:
    """By set of classes, of `n` recipes each: nets of each kind, and how many were flagged."""
    rng, found = np.random.default_rng(seed), {}
    for name, shares in sets.items():
        counts = found[name] = Counter()
        for nets, learned in recipes(n, shares, rng, fails=fails):
            for net, ok in zip(nets, learned, strict=True):
                counts[net.kind, "n"] += 1
                counts[net.kind, "flagged"] += not ok
                counts[net.kind, "alone"] += not net.gain.is_clear
                counts["agree" if net.by_metrics == net.gain.is_clear else "differ"] += 1
                counts[net.kind, "differ"] += net.by_metrics != net.gain.is_clear
    return found


def lines(n: int, seed: int) -> Iterator[str]:
    """What a tally says in words, for shares of nets that fail."""
    for fails in (0.5, 0.2, 0.0):
        yield f"seed {seed}: {fails:.0%} of nets fail, {n} recipes a set"
        whole: Counter = Counter()
        for name, counts in tally(n, seed, fails=fails).items():
            whole += counts
            parts = [
                f"{kind} {counts[kind, 'flagged']}/{counts[kind, 'n']} (alone "
                f"{counts[kind, 'alone']}, differ {counts[kind, 'differ']})"
                for kind in ("good", *KINDS)
                if counts[kind, "n"]
            ]
            yield f"  {name:16}{'  '.join(parts)}"
        for what, of, k in (
            ("failed found", sum(whole[k, "n"] for k in KINDS),
             sum(whole[k, "flagged"] for k in KINDS)),
            ("good flagged", whole["good", "n"], whole["good", "flagged"]),
            ("metrics agree", whole["agree"] + whole["differ"], whole["agree"]),
        ):  # fmt: skip
            low, high = jeffreys(k, of)
            yield f"  {what}: {k} of {of}: {low:.2%} to {high:.2%}"


if __name__ == "__main__":
    for seed in sys.argv[2:]:
        for line in lines(int(sys.argv[1]), int(seed)):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
