"""Does a bound hold on other prompts? Votes split in halves, again and again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.certify.bounds.counts import upper_bound
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.bounds.votes import check_votes
from interlock.errors import DataError, OptionError

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Overclaims:
    """One way to promise, over all splits."""

    promised: float
    """Mean over the splits."""
    beyond_half: float
    """Share of the splits in which the promise exceeds the DSP of the other half."""
    beyond_all: float
    """Share in which it exceeds the DSP of all prompts."""


@dataclass(frozen=True)
class Halves:
    """What is promised from one half of the prompts, against what the others show."""

    prompts: int
    trials: int
    """Votes on each."""
    copies: int
    splits: int
    alpha: float
    """Mean refusal of a copy."""
    dsp: float
    """Of all prompts, without bias from their votes."""
    population: Overclaims
    """``PopulationCertificate.lower``. It claims to hold in ``confidence`` of the cases, for the
    population, which all prompts stand for; the other half is a sample too."""
    homogeneous: Overclaims
    """The published formula at the half's average alpha; it states no confidence."""
    confidence: float
    chance: float
    """Share of splits up to which a bound of that confidence may fail by chance (99 %)."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def split_in_halves(
    refused: ArrayLike,
    copies: int,
    *,
    splits: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Halves:
    """Make the certificate from a random half of the prompts and look at the rest; many times.

    Of the votes on a prompt, N drawn anew in each split decide for the certificate.

    Args:
        refused: (n, r) votes, as ``PopulationCertificate.from_votes`` takes them; r >= copies.
        copies: N.
        splits: how often.
        confidence: of the bound.
        seed: of the splits.

    Raises:
        DataError: fewer than two prompts, or fewer than N votes on each.
        OptionError: an option outside its range.
    """
    votes = check_votes(refused, "error")
    if len(votes) < 2 or votes.shape[1] < copies:
        raise DataError(
            f"{len(votes)} prompts with {votes.shape[1]} votes; halves need two prompts, and "
            f"{copies} votes on each"
        )
    if splits < 1:
        raise OptionError(f"splits={splits}: give at least 1")
    whole = PopulationCertificate.from_votes(votes, copies, confidence)
    ours, formula, other = np.empty(splits), np.empty(splits), np.empty(splits)
    for i in range(splits):
        generator = np.random.default_rng([seed, i])
        order = generator.permutation(len(votes))
        half, rest = order[: len(votes) // 2], order[len(votes) // 2 :]
        # The bound rests on N of a prompt's votes: other ones in each split, or all splits would
        # share the luck of the same votes.
        drawn = generator.permuted(votes[half], axis=1)
        certificate = PopulationCertificate.from_votes(drawn, copies, confidence)
        ours[i], formula[i] = certificate.lower, certificate.homogeneous
        other[i] = whole.per_prompt[rest].mean()
    return Halves(
        prompts=whole.prompts,
        trials=whole.trials,
        copies=copies,
        splits=splits,
        alpha=float(votes.mean()),
        dsp=whole.estimate,
        population=_overclaims(ours, other, whole.estimate),
        homogeneous=_overclaims(formula, other, whole.estimate),
        confidence=confidence,
        chance=float(upper_bound(round((1 - confidence) * splits), splits, 0.99)),
    )


def _overclaims(
    promised: NDArray[np.float64], other: NDArray[np.float64], everywhere: float
) -> Overclaims:
    return Overclaims(
        float(promised.mean()),
        float((promised > other + _ROUNDING).mean()),
        float((promised > everywhere + _ROUNDING).mean()),
    )
