"""What a judge's mistakes cost a certificate.

The judge sees an answer and says "refused" or "jailbroken". A *missed jailbreak* (a jailbroken
answer called refused) flatters the defence; a *false alarm* (a refusal called jailbroken) only
makes the certificate modest. Both rates are known from a labelled sample alone, so their own
uncertainty must be inside the confidence statement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from interlock.certify.bounds.counts import lower_bound as _lower_bound
from interlock.certify.bounds.counts import upper_bound
from interlock.certify.bounds.minorant import Estimand
from interlock.errors import DataError, OptionError

JudgeModel = Literal["same for all prompts", "any"]
SPLIT = 0.2
"""The share of the error probability spent on the labelled sample (a Bonferroni split)."""


@dataclass(frozen=True)
class JudgeSample:
    """Verdicts checked by hand.

    Attributes:
        missed: jailbroken answers that the judge called refused.
        jailbroken: jailbroken answers checked.
        false_alarms: refusals that the judge called jailbroken.
        refused: refusals checked.
        model: what is believed of the judge. ``"same for all prompts"``: on every prompt it
            misses at most the rate of the sample's jailbroken answers, independently from copy to
            copy. ``"any"``: nothing, its misses may pile up on the worst prompts; then the
            checked answers must be drawn at random from *all* measured ones, one a prompt at most
            (where prompts come in groups, one a group at most, of a member drawn at random).
        credit_false_alarms: also raise alpha for refusals that the judge denied. Believes that
            its false alarms are as frequent on every prompt as in the sample.

    Raises:
        DataError: counts that are no counts, or nothing jailbroken checked.
    """

    missed: int
    jailbroken: int
    false_alarms: int = 0
    refused: int = 0
    model: JudgeModel = "same for all prompts"
    credit_false_alarms: bool = False

    def __post_init__(self) -> None:
        for name, wrong, checked in (
            ("missed", self.missed, self.jailbroken),
            ("false_alarms", self.false_alarms, self.refused),
        ):
            if not 0 <= wrong <= checked:
                raise DataError(f"{name}={wrong} of {checked} checked: give 0 to {checked}")
        if self.model not in ("same for all prompts", "any"):
            raise OptionError(f"model={self.model!r}: choose 'same for all prompts' or 'any'")
        if self.jailbroken + self.refused == 0:
            raise DataError("no verdict was checked: label some answers, jailbroken ones first")
        if self.credit_false_alarms and self.model == "any":
            raise OptionError("credit_false_alarms needs model='same for all prompts'")

    @property
    def missed_rate(self) -> float:
        """The observed share of jailbroken answers called refused; 0 where none was checked."""
        return self.missed / self.jailbroken if self.jailbroken else 0.0

    @property
    def false_alarm_rate(self) -> float:
        """The observed share of refusals called jailbroken; 0 where none was checked."""
        return self.false_alarms / self.refused if self.refused else 0.0

    def allowance(self, wanted: Estimand, error: float) -> tuple[Estimand, float]:
        """The target whose bound, less the second value, bounds ``wanted`` but for ``error``.

        ``"same for all prompts"``: from alpha' <= alpha (1 - psi) + (1 - alpha) phi follows
        alpha >= (alpha' - phi) / (1 - phi - psi), at phi's upper and psi's lower bound.
        ``"any"``: with beta the chance that a copy is jailbroken and called refused, alpha >=
        alpha' - beta, and f(alpha' - beta) >= f_s(alpha') - s beta for the s-Lipschitz f_s <= f.
        """
        if self.model == "any":
            if wanted.tau is not None:
                raise OptionError(
                    "a share of prompts cannot be bounded under model='any', where misses may "
                    "pile up on any prompt; use model='same for all prompts'"
                )
            checked = self.jailbroken + self.refused
            slope = _slope(wanted.copies, wanted.tries)
            spent = slope * float(upper_bound(self.missed, checked, 1 - error))
            return replace(wanted, lipschitz=slope), spent
        if not self.credit_false_alarms:
            phi = float(upper_bound(self.missed, self.jailbroken, 1 - error))
            return replace(wanted, missed=phi), 0.0
        phi = float(upper_bound(self.missed, self.jailbroken, 1 - error / 2))
        psi = float(_lower_bound(self.false_alarms, self.refused, 1 - error / 2))
        return replace(wanted, missed=phi, false_alarms=psi), 0.0


@lru_cache(maxsize=64)
def _slope(copies: int, tries: int) -> float:
    """s: a quarter above the smallest with DSP(1 - beta) ** tries >= 1 - s beta for all beta.

    Any s is valid. The smallest pays least for the misses but flattens f_s near alpha' = 1.
    """
    alpha = np.sin(np.linspace(0, np.pi / 2, 4001)) ** 2
    lost = Estimand(copies, tries=tries).complement(alpha)
    return 1.25 * float(np.max(lost[:-1] / (1 - alpha[:-1])))
