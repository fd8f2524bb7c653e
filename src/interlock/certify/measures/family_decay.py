"""ASR(k) of an attack family under each perturbation: measured, with intervals, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from interlock._files import read_text, write_atomically
from interlock.certify.attacks.attack import Attack
from interlock.certify.attacks.clusters import cluster
from interlock.certify.bounds.betting import mean_interval
from interlock.certify.bounds.counts import check_counts, lower_bound, upper_bound
from interlock.certify.bounds.decay import DecayCurve
from interlock.certify.bounds.groups import check_groups, group_means
from interlock.certify.judges.judge import Judge
from interlock.certify.measures.measure import Progress, measure_decay
from interlock.certify.targets.protocol import Target
from interlock.errors import DataError, InterlockError
from interlock.names import KINDS, PerturbationKind

Floats = NDArray[np.float64]
T = TypeVar("T")
CHANGES = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""k measured by default, as far as the suffixes are long enough."""
FORMAT, VERSION = "interlock attack success counts", 1


@dataclass(frozen=True, eq=False)
class FamilyDecay:
    """How one family's success falls with the changed characters of one perturbation."""

    family: str
    """Its name."""
    kind: PerturbationKind
    """How characters were changed."""
    k: NDArray[np.int64]
    """(K,) changed suffix characters, rising; the suffix was long enough in at least one attack."""
    successes: NDArray[np.int64]
    """(K,) copies that jailbroke."""
    trials: NDArray[np.int64]
    """(K,) copies asked, >= 1."""
    low: Floats
    """(K,) lower end of the two-sided interval of ASR(k) over groups, each k by itself."""
    high: Floats
    """(K,) its upper end."""
    confidence: float
    """Of each interval."""
    attacks: int
    """Attacks measured."""
    lengths: tuple[int, ...]
    """m of each attack."""
    suffix_lengths: tuple[int, ...]
    """m_S of each attack."""
    lost: int = 0
    """Copies without a verdict; they count as jailbreaks."""

    @property
    def rate(self) -> Floats:
        """(K,) ASR(k)."""
        share: Floats = self.successes / self.trials
        return share

    @cached_property
    def curve(self) -> DecayCurve:
        """a exp(-b k) + c, by the likelihood of the counts.

        Raises:
            DataError: too few distinct k to fix it.
        """
        return DecayCurve.fit(self.k, self.successes, self.trials)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        names = {field.name: field.name for field in fields(self)} | {"kind": "perturbation"}
        return {key: np.asarray(getattr(self, name)).tolist() for name, key in names.items()}


def measure_family_decay(
    target: Target,
    judge: Judge,
    family: str,
    attacks: Sequence[Attack],
    kind: PerturbationKind,
    *,
    k: Sequence[int] = CHANGES,
    trials: int = 2,
    seed: int = 0,
    confidence: float = 0.95,
    by_source: bool = False,
    progress: Progress | None = None,
) -> FamilyDecay:
    """Measure ASR(k) on attacks of one family.

    The intervals take the mean success share of each group of attacks as one observation, so
    copies of one attack, or attacks that are alike, are never counted as evidence about others
    (Waudby-Smith and Ramdas, 2024).

    Raises:
        DataError: no attacks.
        ModelError: every single copy was lost.
    """
    counts = measure_decay(
        target, judge, attacks, kind, sorted(set(k)), trials=trials, seed=seed, progress=progress
    )
    asked, groups = counts.trials > 0, cluster(attacks, by_source=by_source)
    ends = [
        mean_interval(
            group_means(s[n > 0] / n[n > 0], check_groups(groups[n > 0], int((n > 0).sum()))),
            confidence,
        )
        for s, n in zip(counts.successes_by_attack.T, counts.trials_by_attack.T, strict=True)
        if n.any()
    ]
    return FamilyDecay(
        family,
        kind,
        counts.k[asked],
        counts.successes[asked],
        counts.trials[asked],
        np.array([low for low, _ in ends]),
        np.array([high for _, high in ends]),
        confidence,
        len(attacks),
        tuple(attack.length for attack in attacks),
        tuple(attack.suffix_length for attack in attacks),
        counts.lost,
    )


def save_decays(
    decays: Sequence[FamilyDecay], path: str | PathLike[str], made_from: Mapping[str, Any]
) -> Path:
    """Write counts as JSON, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    record = {
        "format": FORMAT,
        "version": VERSION,
        "made_from": dict(made_from),
        "counts": [decay.to_dict() for decay in decays],
    }
    return write_atomically(Path(path), json.dumps(record, indent=1) + "\n")


def load_decays(path: str | PathLike[str]) -> list[FamilyDecay]:
    """Read counts back, or counts of one's own: ``{"counts": [{"k", "successes", "trials"}, …]}``.

    Without intervals in the file the exact binomial ones stand in, which take copies as
    independent.

    Raises:
        DataError: the file is missing, no such JSON, or holds counts that are none.
    """
    return load_rows(path, "counts", "certify measure", "lists k, successes and trials", _read)


def load_rows(
    path: str | PathLike[str], name: str, command: str, needs: str, read: Callable[[Any], T]
) -> list[T]:
    """Each row of the list ``name`` in a file that ``command`` wrote, as ``read`` takes it.

    Raises:
        DataError: the file is missing, no such JSON, or a row has not what it ``needs``.
    """
    source = Path(path)
    try:
        record = json.loads(read_text(source))
    except (ValueError, RecursionError):
        raise DataError(f"{source}: not JSON; give a file that '{command}' wrote") from None
    rows = record.get(name) if isinstance(record, dict) else None
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{source}: has no list '{name}' with {needs}")
    values = []
    for number, row in enumerate(rows, 1):
        try:
            values.append(read(row))
        except InterlockError as error:
            raise DataError(f"{source}, {name} {number}: {error}") from None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            why = f"give {needs} ({type(error).__name__}: {error})"
            raise DataError(f"{source}, {name} {number}: {why}") from None
    return values


def family_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """What rows of counts and of curves say alike: whose they are."""
    kind = row.get("perturbation", "swap")
    if kind not in KINDS:
        raise DataError(f"perturbation={kind!r}: choose swap, patch or insert")
    lengths = {
        name: tuple(int(m) for m in row.get(name, ())) for name in ("lengths", "suffix_lengths")
    }
    return {"family": str(row.get("family", "attacks")), "kind": kind} | lengths


def _read(row: Mapping[str, Any]) -> FamilyDecay:
    checked = check_counts(row["k"], row["successes"], row["trials"])
    order = np.argsort(checked[0], kind="stable")
    k, s, n = (values[order].astype(np.int64) for values in checked)
    confidence = float(row.get("confidence", 0.95))
    one_sided = (1 + confidence) / 2
    low, high = row.get("low"), row.get("high")
    return FamilyDecay(
        k=k,
        successes=s,
        trials=n,
        low=lower_bound(s, n, one_sided) if low is None else np.asarray(low, float)[order],
        high=upper_bound(s, n, one_sided) if high is None else np.asarray(high, float)[order],
        confidence=confidence,
        attacks=int(row.get("attacks", 0)),
        lost=int(row.get("lost", 0)),
        **family_fields(row),
    )
