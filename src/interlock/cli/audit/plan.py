"""How much of an audit is measured: what a budget buys, by the time that one of each takes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from interlock._files import write_atomically
from interlock.errors import OptionError, OutputError

PLAN = "plan.json"
EXPLAINED, PROVEN = 0.3, 0.3
"""Shares of the time for photos that explanations and proofs take; the rest goes to patches."""
MOST_EXPLAINED = 24
FEW = 3.0
"""Minutes that an audit takes where nothing else is asked for."""
LEAST_OF_FEW = 3
"""Photos that it then measures and explains however long it takes."""


@dataclass(frozen=True)
class Pace:
    """Seconds that one of each takes on this machine, measured at the beginning of an audit."""

    begin: float = 0.0
    """The first photo with all that is made once, such as the shield; 0 where that is done."""
    explain: float = 0.0
    """One photo."""
    patch: float = 0.0
    """One photo patched, bare and behind the shield."""
    proof: float = 0.0
    """What is proven of one photo, at most."""
    call: float = 0.0
    """One question to a language model, of several at once."""


@dataclass(frozen=True)
class PhotoPlan:
    """What is measured of photos."""

    measured: int
    explained: int
    proven: int
    seconds: float
    """That it takes at most, with what it began with."""


@dataclass(frozen=True)
class TargetPlan:
    """What is asked of a language model."""

    level: int
    calls: int
    """At most."""
    seconds: float


def photos_within(seconds: float, pace: Pace, photos: int, least: int = 1) -> PhotoPlan:
    """The most that fits, of so many photos; but ``least`` measured and explained, one proven."""
    least = min(least, photos)
    left = max(0.0, seconds - _least_of_photos(pace))
    patching = (1 - EXPLAINED - PROVEN) * left
    explained = 1 + _more(EXPLAINED * left, pace.explain, min(photos, MOST_EXPLAINED) - 1)
    measured = 1 + _more(patching, pace.patch, photos - 1)
    explained, measured = max(explained, least), max(measured, least)
    proven = 1 + _more(PROVEN * left, pace.proof, measured - 1)

    def taken() -> float:
        ones = ((explained, pace.explain), (measured, pace.patch), (proven, pace.proof))
        return sum((count - 1) * each for count, each in ones)

    # What one kind leaves over, the others take.
    measured += _more(left - taken(), pace.patch, photos - measured)
    proven += _more(left - taken(), pace.proof, measured - proven)
    return PhotoPlan(measured, explained, proven, _least_of_photos(pace) + taken())


def _more(seconds: float, each: float, most: int) -> int:
    return most if each <= 0 else min(most, max(0, int(seconds / each)))


def target_within(
    seconds: float, pace: Pace, calls: Callable[[int], int], levels: int
) -> TargetPlan:
    """The highest level whose calls fit; the lowest where none does."""
    plan = TargetPlan(0, first := calls(0), first * pace.call)
    for level in range(1, levels):
        if plan.seconds > seconds:
            break
        asked = calls(level)
        if asked * pace.call > seconds:
            break
        plan = TargetPlan(level, asked, asked * pace.call)
    return plan


def plan_audit(
    minutes: float | None,
    pace: Pace,
    photos: int,
    calls: Callable[[int], int] | None,
    levels: int,
) -> tuple[PhotoPlan | None, TargetPlan | None]:
    """What a budget buys.

    Args:
        minutes: of the whole audit; None: a few, or what one of each takes.
        pace: of one of each.
        photos: that can be measured; 0 for no audit of photos.
        calls: of a level of questions at most; None for no language model.
        levels: how many there are.

    Raises:
        OptionError: the budget is too small for one of each; it says what the least is.
    """
    least_photos = _least_of_photos(pace) if photos else 0.0
    least_calls = calls(0) * pace.call if calls else 0.0
    least = least_photos + least_calls
    seconds = max(60 * FEW, least) if minutes is None else 60 * minutes
    if seconds < least:
        enough = math.ceil(10 * least / 60) / 10
        raise OptionError(
            f"budget={minutes:g}: the least that can be measured takes {enough:g} minutes here; "
            "give that or more"
        )
    of_photos = None
    if photos:
        share = seconds if calls is None else max(seconds / 2, least_photos)
        few = LEAST_OF_FEW if minutes is None else 1
        of_photos = photos_within(min(share, seconds - least_calls), pace, photos, few)
        seconds -= of_photos.seconds
    return of_photos, None if calls is None else target_within(seconds, pace, calls, levels)


def _least_of_photos(pace: Pace) -> float:
    """One photo, with its proof and the map of its safe places."""
    return pace.begin + 2 * pace.proof


@dataclass(frozen=True)
class Kept:
    """What a folder knows of its audit, so that the same command goes on with it."""

    audit: Mapping[str, Any]
    """What is audited, as it was named."""
    pace: Pace
    minutes: float | None
    photos: PhotoPlan | None = None
    target: TargetPlan | None = None

    def save(self, folder: Path) -> None:
        """Write it into the folder.

        Raises:
            OutputError: it cannot be written.
        """
        write_atomically(folder / PLAN, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path, audit: Mapping[str, Any]) -> Kept | None:
        """What a folder knows; None of one without an audit.

        Raises:
            OutputError: it holds another audit, or a damaged plan.
        """
        path = folder / PLAN
        try:
            told = json.loads(path.read_text("utf-8"))
            kept = cls(
                told["audit"],
                Pace(**told["pace"]),
                told["minutes"],
                PhotoPlan(**told["photos"]) if told["photos"] else None,
                TargetPlan(**told["target"]) if told["target"] else None,
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise OutputError(f"{path}: cannot be read; remove it, or give another --out") from None
        if kept.audit != audit:
            other = next(name for name in audit if kept.audit.get(name) != audit[name])
            raise OutputError(
                f"{folder}: holds another audit ({other} {kept.audit.get(other)}, not "
                f"{audit[other]}); choose another folder by --out"
            )
        return kept
