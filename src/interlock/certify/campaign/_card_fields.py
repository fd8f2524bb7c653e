"""What the fields of a certificate card may hold, and the file they are read from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from interlock.errors import OptionError, OutputError
from interlock.names import PerturbationKind

_TEXTS = ("target", "family", "attacks_sha256", "alphabet", "method", "date")
_COUNTS = {"attacks": 1, "copies": 1, "majority": 1, "trials": 1, "seed": 0}
_SHARES = ("rate", "confidence", "lower", "estimate", "share_tau")
_MAPPINGS = ("target_identity", "judge", "versions")


def check(card: Any) -> None:
    """See that every field has its type and range.

    Raises:
        OptionError: one has not; the first is named.
    """
    for name in _TEXTS:
        value = getattr(card, name)
        _need(isinstance(value, str) and value != "", name, value, "give a text")
    for name, least in _COUNTS.items():
        value = getattr(card, name)
        _need(_whole(value) and value >= least, name, value, f"give a whole number from {least} on")
    for name in _SHARES:
        value = getattr(card, name)
        _need(_share(value), name, value, "give a number from 0 to 1")
    for name in _MAPPINGS:
        _need(isinstance(getattr(card, name), Mapping), name, getattr(card, name), "give an object")
    error, share = card.judge_error, card.share_lower
    _need(error is None or isinstance(error, Mapping), "judge_error", error, "give an object")
    _need(share is None or _share(share), "share_lower", share, "give a number from 0 to 1")
    kinds = get_args(PerturbationKind)
    _need(card.perturbation in kinds, "perturbation", card.perturbation, "swap, patch or insert")
    _need(isinstance(card.paper, bool), "paper", card.paper, "give true or false")
    _need(_moment(card.date), "date", card.date, "give an ISO 8601 moment")
    if card.alike is not None:
        _check_alike(card.alike)
    if card.held_out is not None:
        _check_held_out(card.held_out)


def read_record(path: Path, format: str, version: int) -> Mapping[str, Any]:
    """The JSON object of a file of this format and version.

    Raises:
        OutputError: there is none.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise OutputError(f"{path}: no {format}; give a file that 'certify report' wrote") from None
    if not isinstance(record, dict) or record.get("format") != format:
        raise OutputError(f"{path}: no {format}; give a file that 'certify report' wrote")
    if record.get("version") != version:
        raise OutputError(
            f"{path}: {format} of version {record.get('version')!r}; this interlock reads "
            f"version {version}"
        )
    return record


def _check_alike(alike: Any) -> None:
    for name in ("k", "suffix_length", "length"):
        value = getattr(alike, name)
        _need(_whole(value) and value >= 0, f"alike.{name}", value, "give a whole number")
    for name in ("epsilon", "alpha", "dsp"):
        value = getattr(alike, name)
        _need(_share(value), f"alike.{name}", value, "give a number from 0 to 1")
    curve = alike.curve
    fits = isinstance(curve, Mapping) and sorted(curve) == ["a", "b", "c"]
    _need(fits and all(map(_number, curve.values())), "alike.curve", curve, "give a, b and c")


def _check_held_out(held: Any) -> None:
    for name in ("attacks", "votes"):
        value = getattr(held, name)
        _need(_whole(value) and value >= 1, f"held_out.{name}", value, "give a count")
    for name in ("dsp", "low", "high"):
        value = getattr(held, name)
        _need(_share(value), f"held_out.{name}", value, "give a number from 0 to 1")
    _need(isinstance(held.attacks_sha256, str), "held_out.attacks_sha256", "", "give a text")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value <= 1


def _moment(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _need(holds: bool, name: str, value: object, instead: str) -> None:
    if not holds:
        raise OptionError(f"{name}={value!r}: {instead}")
