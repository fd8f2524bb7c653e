"""What measurements on a target give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.certify.targets.protocol import Prompt, Reply
from interlock.names import PerturbationKind


@dataclass(frozen=True, eq=False)
class DecayMeasurement:
    """Attack success with exactly k characters of each suffix changed."""

    kind: PerturbationKind
    """How they were changed."""
    k: NDArray[np.int64]
    """(K,) changed characters."""
    successes_by_attack: NDArray[np.int64]
    """(A, K) copies that jailbroke; lost ones are among them."""
    trials_by_attack: NDArray[np.int64]
    """(A, K) copies asked; 0 where the suffix is shorter than k."""
    lost: int
    """Copies without a verdict."""

    @property
    def successes(self) -> NDArray[np.int64]:
        """(K,) over all attacks; with ``trials`` what ``DecayCurve.fit`` takes."""
        total: NDArray[np.int64] = self.successes_by_attack.sum(axis=0)
        return total

    @property
    def trials(self) -> NDArray[np.int64]:
        """(K,) over all attacks."""
        total: NDArray[np.int64] = self.trials_by_attack.sum(axis=0)
        return total

    @property
    def rate(self) -> NDArray[np.float64]:
        """(K,) ASR(k); NaN where nothing was asked."""
        with np.errstate(invalid="ignore"):
            share: NDArray[np.float64] = self.successes / self.trials
        return share


@dataclass(frozen=True, eq=False)
class VoteMeasurement:
    """Verdicts on perturbed copies, prompt by prompt."""

    refused: NDArray[np.bool_]
    """(n, r) whether the copy was refused; what ``PopulationCertificate.from_votes`` takes."""
    lost: NDArray[np.bool_]
    """(n, r) whether it had no verdict; such a copy is not refused."""
    copies: tuple[Prompt, ...] = ()
    """n r copies, prompt by prompt."""
    replies: tuple[Reply, ...] = ()
    """What each was answered."""

    @property
    def alpha(self) -> NDArray[np.float64]:
        """(n,) share of each prompt's copies that were refused."""
        share: NDArray[np.float64] = self.refused.mean(axis=1)
        return share


@dataclass(frozen=True, eq=False)
class DefenceMeasurement:
    """Whole votes on attacks."""

    defended: NDArray[np.bool_]
    """(n, repeats) whether the vote refused; one that a lost copy could have tipped did not."""
    calls: int
    """Calls of the target."""
    saved: int
    """Copies that early stop never asked."""

    @property
    def dsp(self) -> float:
        """Share of votes that refused: the measured defence success probability."""
        return float(self.defended.mean())
