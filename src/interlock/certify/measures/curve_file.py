"""Fitted curves in a file, between ``certify fit`` and ``certify plan``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from interlock._files import write_atomically
from interlock.certify.bounds.decay import DecayCurve
from interlock.certify.measures.family_decay import FamilyDecay, family_fields, load_rows
from interlock.errors import InterlockError
from interlock.names import PerturbationKind

FORMAT, VERSION = "interlock decay curves", 1


@dataclass(frozen=True, eq=False)
class FittedCurve:
    """ASR(k) = a exp(-b k) + c of one family under one perturbation."""

    family: str
    """Its name."""
    kind: PerturbationKind
    """How characters were changed."""
    curve: DecayCurve
    """Of greatest likelihood."""
    lengths: tuple[int, ...]
    """m of each attack; may be empty where unknown."""
    suffix_lengths: tuple[int, ...]
    """m_S of each."""


def describe_fit(decay: FamilyDecay, epsilon: float, seed: int = 0) -> dict[str, Any]:
    """A fit with its intervals, its misfit and where it meets ``epsilon``, as plain values.

    Raises:
        DataError: too few distinct k to fix the curve.
    """
    curve = decay.curve
    ends = curve.intervals(decay.confidence, seed=seed)
    try:
        k, why = curve.threshold(epsilon), ""
    except InterlockError as error:
        k, why = None, str(error)
    assert curve.data is not None  # it was fitted just now
    return {
        "family": decay.family,
        "perturbation": decay.kind,
        "a": curve.a,
        "b": curve.b,
        "c": curve.c,
        "a_interval": list(ends.a),
        "b_interval": [end if math.isfinite(end) else None for end in ends.b],
        "c_interval": list(ends.c),
        "confidence": decay.confidence,
        "misfit": curve.data.misfit,
        "epsilon": epsilon,
        "k": k,
        "why_no_k": why,
        "attacks": decay.attacks,
        "lengths": list(decay.lengths),
        "suffix_lengths": list(decay.suffix_lengths),
    }


def save_curves(fits: Sequence[dict[str, Any]], path: str | PathLike[str]) -> Path:
    """Write fits as :func:`describe_fit` gives them, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    record = {"format": FORMAT, "version": VERSION, "curves": list(fits)}
    return write_atomically(Path(path), json.dumps(record, indent=1) + "\n")


def load_curves(path: str | PathLike[str]) -> list[FittedCurve]:
    """Read curves: what ``certify fit`` wrote, or ``{"curves": [{"a", "b", "c"}, …]}``.

    Raises:
        DataError: the file is missing, no such JSON, or a curve is none.
    """
    return load_rows(path, "curves", "certify fit", "a, b and c", _read)


def _read(row: Mapping[str, Any]) -> FittedCurve:
    curve = DecayCurve(float(row["a"]), float(row["b"]), float(row["c"]))
    return FittedCurve(curve=curve, **family_fields(row))
