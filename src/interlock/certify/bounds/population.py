"""A certificate for prompts that differ: a bound on E[DSP(alpha)] from votes, prompt by prompt.

The published formula puts one average alpha into the binomial. Where 8 % of prompts jailbreak every
copy, that certifies 0.9998 for a defence that refuses 0.9198. Here each prompt keeps its own alpha,
and the population it was drawn from may be anything. Prompts that are alike are no independent
draws: give their groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from interlock.certify.bounds.beta_binomial import AssumedBound, beta_binomial_bound
from interlock.certify.bounds.betting import betting_lower
from interlock.certify.bounds.groups import (
    Labels,
    Standing,
    check_groups,
    check_texts,
    group_means,
    share_lower,
    standing,
)
from interlock.certify.bounds.judge_error import SPLIT, JudgeSample
from interlock.certify.bounds.laws import defense_probability, inverse_defense, majority
from interlock.certify.bounds.minorant import Estimand, step_rule
from interlock.certify.bounds.votes import check_votes
from interlock.errors import DataError, OptionError
from interlock.names import Missing

Floats = NDArray[np.float64]
Method = Literal["auto", "block", "threshold", "betting"]


@dataclass(frozen=True)
class ShareBound:
    """The share of the population's prompts whose own DSP is at least ``tau``.

    Attributes:
        tau: the DSP asked for.
        lower: the lower bound, at the certificate's confidence.
        estimate: the share of measured prompts whose plug-in DSP reaches ``tau``; no bound.
    """

    tau: float
    lower: float
    estimate: float


@dataclass(frozen=True, eq=False)
class PopulationCertificate:
    """The claim "at least ``lower`` of such attacks are refused", with stated confidence.

    Assumed: the prompts are an independent sample of the population, and the votes on a prompt are
    independent copies of what the deployed system does. Of how alpha varies, nothing is assumed.

    With ``groups``, the groups are the independent sample, and what is bounded is E over groups of
    the mean of E[DSP] over a group's members: draw a group, then one of its members, each with the
    same chance; the groups' sizes are those measured. Then nothing is assumed of how members of a
    group depend on each other, of their votes, or of the sizes. Two bounds of this one quantity are
    there, over the groups' means and on one member of each that a hash of its text draws (all
    members together where no ``texts`` are given); the sizes choose, see
    :mod:`interlock.certify.bounds.groups`. (The mean over *attacks* where groups differ in size is
    another quantity, which one large group may decide; no bound of it is given.) One group is one
    draw, and certifies no more than one prompt would.

    With ``tries`` above 1 the attacker may ask that often, each time meets new copies, and succeeds
    if any vote releases: DSP becomes DSP ** tries in all of the above.

    ``lower`` is a bound on every table of votes. Who issues it only where these same votes look
    good (:attr:`refusal`) selects: of the certificates issued that way near alpha = 1/2 more are
    wrong than 1 - ``confidence``. Decide on other prompts whether to certify, and print the bound
    in any case.

    ``lower`` follows ``method``; each :meth:`share` is a ``"threshold"`` bound from all r votes,
    the better of two rules that split the error probability.
    They hold at ``confidence`` one by one; for two statements that hold together at 0.95, ask for
    0.975 (:func:`~interlock.certify.bounds.counts.joint_confidence`).

    Attributes:
        votes: (n, r) bool, True where the copy was refused.
        copies: N, the votes of the deployed system.
        confidence: in (0, 1).
        method: the rule behind ``lower``, chosen before the votes are looked at:

            * ``"block"`` (r >= N): the first N votes of a prompt decide as the deployed system
              would (N for each try), so the number of refused prompts is Binomial(n, E[DSP]), and
              Clopper and Pearson's bound (1934) is exact. With groups: on the members that
              stand for them, else the betting bound over the shares refused in each group.
            * ``"threshold"`` (any r): the share of prompts with at least t refusals, and an
              allowance for what r votes cannot tell; see :mod:`interlock.certify.bounds.minorant`.
            * ``"betting"`` (r > N): all r votes, through the unbiased estimate of each prompt's
              DSP; see :mod:`interlock.certify.bounds.betting`. Better than ``"block"`` when r
              is several times N and prompts are alike. With groups: over the groups' means.
        judge: the labelled verdicts that the bound accounts for, if any.
        groups: (n,) the group of each prompt, 0 to G - 1; None where prompts are independent.
        tries: T, how often the attacker may ask.
        texts: (n,) what a member of each group is drawn by.
    """

    votes: NDArray[np.bool_]
    copies: int
    confidence: float
    method: Literal["block", "threshold", "betting"]
    judge: JudgeSample | None = None
    groups: Labels | None = None
    tries: int = 1
    texts: tuple[str, ...] | None = None

    @classmethod
    def from_votes(
        cls,
        refused: ArrayLike,
        copies: int,
        confidence: float = 0.95,
        *,
        method: Method = "auto",
        missing: Missing = "error",
        judge: JudgeSample | None = None,
        groups: ArrayLike | None = None,
        tries: int = 1,
        texts: Sequence[str] | None = None,
    ) -> PopulationCertificate:
        """The certificate of n prompts with r perturbed copies each.

        Args:
            refused: (n, r) bool or 0/1; NaN, None or a masked cell is missing.
            copies: N, 1 or more; r may be below, equal to or above it.
            confidence: of each bound, in (0, 1).
            method: ``"auto"`` is ``"block"`` where r >= N T and there is no ``judge`` (where
                the groups' means count ``"betting"``, which uses all votes), else
                ``"threshold"``.
            missing: ``"error"`` refuses missing cells; ``"jailbreak"`` counts them as jailbroken,
                which keeps the bound valid whatever made them go missing.
            judge: a labelled sample of the judge's verdicts; its error is paid for out of the same
                confidence (one fifth of the error probability).
            groups: (n,) an id for each prompt, such as its template or its goal;
                equal ids stand and fall together. Where all differ the bound is that without.
            tries: T >= 1.
            texts: (n,) the text of each prompt, or whatever tells it from all others and was
                fixed before anybody voted. Where few share a group (by sizes alone) the member of
                each whose hash is least then stands for it, which says more than means. Without
                them that is so only where hardly any share one, and all members count together.

        Raises:
            DataError: not a table of votes, no prompts, or missing cells under ``"error"``; groups
                or texts that are none; more verdicts checked under ``model="any"`` than there are
                groups.
            OptionError: copies, confidence, method or tries outside their range.
        """
        votes = check_votes(refused, missing)
        majority(copies)
        if not 0 < confidence < 1:
            raise OptionError(f"confidence={confidence}: give a probability between 0 and 1")
        if method not in ("auto", "block", "threshold", "betting"):
            raise OptionError(f"method={method!r}: choose auto, block, threshold or betting")
        if tries < 1:
            raise OptionError(f"tries={tries}: give a whole number of at least 1")
        labels = None if groups is None else check_groups(groups, len(votes))
        named = None if texts is None else check_texts(texts, len(votes))
        if labels is not None and judge is not None and judge.model == "any":
            checked, number = judge.jailbroken + judge.refused, int(labels.max()) + 1
            if checked > number:
                raise DataError(
                    f"{checked} verdicts checked under model='any', but there are {number} groups: "
                    "check one answer a group, of a member drawn at random"
                )
        enough = votes.shape[1] >= copies * tries
        if method in ("block", "betting") and (judge is not None or not enough):
            raise OptionError(
                f"method={method!r} needs at least {copies * tries} votes a prompt and no judge "
                f"sample; there are {votes.shape[1]}: use 'threshold' or 'auto'"
            )
        if method == "auto":
            whole = labels is None or standing(labels, named) is not None
            method = "threshold" if judge or not enough else "block" if whole else "betting"
        return cls(votes, copies, confidence, method, judge, labels, tries, named)

    @cached_property
    def standing(self) -> Standing | None:
        """(n,) the members that stand for their group in the bounds (``estimate`` is over means in
        any case); None where the groups' means count."""
        if self.groups is None or self.method == "betting":
            return None
        return standing(self.groups, self.texts)

    def after_tries(self, tries: int) -> PopulationCertificate:
        """The same votes for an attacker who may ask ``tries`` times; holds by itself.

        Raises:
            OptionError: fewer than one try.
        """
        return PopulationCertificate.from_votes(
            self.votes, self.copies, self.confidence,
            judge=self.judge, groups=self.groups, tries=tries, texts=self.texts,
        )  # fmt: skip

    @property
    def prompts(self) -> int:
        """n, the prompts measured."""
        return int(self.votes.shape[0])

    @property
    def effective(self) -> int:
        """The independent draws behind the bound: groups, or prompts where there are none."""
        return self.prompts if self.groups is None else int(self.groups.max()) + 1

    @property
    def trials(self) -> int:
        """r, the votes on each prompt."""
        return int(self.votes.shape[1])

    @cached_property
    def refusals(self) -> NDArray[np.int64]:
        """(n,) refusals of each prompt, out of ``trials``."""
        refusals: NDArray[np.int64] = self.votes.sum(axis=1, dtype=np.int64)
        return refusals

    @cached_property
    def lower(self) -> float:
        """The lower confidence bound on E[DSP], the share of such attacks that is refused."""
        if self.method == "block":
            whole = self.votes[:, : self.copies * self.tries]
            cast = whole.reshape(self.prompts, self.tries, self.copies).sum(axis=2)
            refused = (cast >= int(majority(self.copies))).all(axis=1)
            return share_lower(refused, self.groups, self.confidence, self.standing)
        if self.method == "betting":
            return betting_lower(group_means(self.per_prompt, self.groups), self.confidence)
        return self._step_bound(None)

    def share(self, tau: float) -> ShareBound:
        """A lower bound on the share of prompts whose own DSP (over all tries) reaches ``tau``.

        Raises:
            OptionError: tau outside (0, 1], or a judge model that allows no such bound.
        """
        if not 0 < tau <= 1:
            raise OptionError(f"tau={tau}: give a probability above 0, at most 1")
        needed = float(inverse_defense(tau ** (1 / self.tries), self.copies))
        reached = self._mean(self._alphas() >= needed)
        return ShareBound(tau, self._step_bound(tau), reached)

    @cached_property
    def per_prompt(self) -> Floats:
        """(n,) the DSP of each measured prompt over all tries, estimated.

        Unbiased where r >= N T and there is no judge sample: the chance that the votes, dealt out
        at random to T votes of N, carry a refusing majority in each. Otherwise DSP at the share of
        refusals, which for small r is pulled towards the middle.
        """
        if self.trials < self.copies * self.tries or self.judge is not None:
            values: Floats = defense_probability(self._alphas(), self.copies) ** self.tries
            return values
        return _dealt(self.trials, self.copies, self.tries)[self.refusals]

    @cached_property
    def estimate(self) -> float:
        """The mean of ``per_prompt``, or of its group means: the likely value, no bound."""
        return self._mean(self.per_prompt)

    @cached_property
    def homogeneous(self) -> float:
        """What the published formula says: DSP at the average alpha. No bound; for comparison."""
        return float(defense_probability(self.votes.mean(), self.copies))

    @property
    def voting_helps(self) -> bool:
        """Whether, as measured, N copies refuse at least as many of these attacks as one copy."""
        return self.estimate >= self._mean(self._alphas() ** self.tries) - 1e-12

    def beta_binomial(self) -> AssumedBound:
        """A sharper bound that assumes a beta law of the alphas and a faultless judge.

        Raises:
            OptionError: prompts in groups, or several tries, for which there is none.
        """
        if self.effective < self.prompts or self.tries > 1:
            raise OptionError(
                "the beta-binomial bound takes prompts as independent and one try; use 'lower'"
            )
        return beta_binomial_bound(self.refusals, self.trials, self.copies, self.confidence)

    @property
    def refusal(self) -> str:
        """Why no certificate should be given, in one sentence; empty where one may be."""
        alpha = self._mean(self.votes.mean(axis=1))
        if not self.voting_helps:
            return (
                f"No certificate: with {self.copies} copies the vote refuses an estimated "
                f"{self.estimate:.1%} of such attacks, fewer than a single copy does; "
                f"raise the perturbation or strengthen the model first ({self._basis})."
            )
        if alpha <= 0.5:
            return (
                f"No certificate: on average a copy of these attacks is refused with probability "
                f"{alpha:.2f}, and at or below one half more votes make things worse; raise the "
                f"perturbation or strengthen the model first ({self._basis})."
            )
        return ""

    def statement(self) -> str:
        """One sentence for people; it promises nothing where voting does not help."""
        tries = f" in each of {self.tries} tries" if self.tries > 1 else ""
        return self.refusal or (
            f"With {self.confidence:.0%} confidence, at least {self.lower:.1%} of such attacks are "
            f"refused by a vote of {self.copies} copies{tries} ({self._basis})."
        )

    @property
    def _basis(self) -> str:
        groups = "" if self.groups is None else f" in {self.effective} groups"
        return f"{self.prompts} prompts{groups} with {self.trials} copies each"

    def _mean(self, values: ArrayLike) -> float:
        return float(group_means(values, self.groups).mean())

    def _alphas(self) -> Floats:
        alphas: Floats = self.refusals / self.trials
        if self.judge is None:
            return alphas
        phi = self.judge.missed_rate
        psi = self.judge.false_alarm_rate if self.judge.credit_false_alarms else 0.0
        return np.clip((alphas - phi) / max(1 - phi - psi, 1e-9), 0.0, 1.0)

    def _step_bound(self, tau: float | None) -> float:
        error, target, spent = 1 - self.confidence, Estimand(self.copies, tau, self.tries), 0.0
        if self.judge is not None:
            target, spent = self.judge.allowance(target, SPLIT * error)
            error *= 1 - SPLIT
        rules = {step_rule(target, self.trials)}
        if tau is not None:  # where the best threshold depends much on the prompts, try two
            rules.add(step_rule(target, self.trials, "sure"))
        each = 1 - error / len(rules)
        best = max(rule.bound(self.refusals, each, self.groups, self.standing) for rule in rules)
        return max(0.0, best - spent)


@lru_cache(maxsize=64)
def _dealt(trials: int, copies: int, tries: int) -> Floats:
    """(r + 1,) the chance that T random, disjoint N of r votes each hold a refusing majority.

    By the number of refusals among the r: the first N hold x of them by the hypergeometric law, and
    the other votes are dealt out likewise.
    """
    left, cast = trials - copies * tries, np.arange(int(majority(copies)), copies + 1)
    chances = np.ones(left + 1)
    for _ in range(tries):
        left += copies
        held = np.arange(left + 1)[:, None]
        rest = np.clip(held - cast, 0, chances.size - 1)  # refusals that the others share
        law = stats.hypergeom.pmf(cast, left, held, copies)
        chances = (law * chances[rest]).sum(axis=1)
    return np.clip(chances, 0.0, 1.0)
