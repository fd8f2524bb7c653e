"""The certificate card: what was certified, of what, under which settings, in one JSON file.

A certificate outlives the run that made it: a proxy deploys its settings, an auditor asks what it
was measured on. So the card holds all of that, and an id that is the hash of its content: a card
that was edited no longer loads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Strict

from interlock._files import write_atomically
from interlock.certify.bounds.laws import majority
from interlock.certify.defences import defence_from, defence_text
from interlock.certify.statement._checked import (
    Count,
    Flag,
    Give,
    Number,
    Share,
    Text,
    Whole,
    checked,
)
from interlock.certify.statement.claim import claim
from interlock.certify.vote.asks import Defence
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.random_copies import RandomCopies
from interlock.errors import OptionError, OutputError
from interlock.names import FailedAttacks, PerturbationKind

FORMAT, VERSION = "interlock certificate card", 2

_SETTING = ("perturbation", "rate", "alphabet", "paper", "copies", "majority")
Object = Annotated[Mapping[str, Any], Give("an object")]


def _curve(value: Mapping[str, Number]) -> Mapping[str, Number]:
    if sorted(value) != ["a", "b", "c"]:
        raise ValueError
    return value


def _moment(value: str) -> str:
    datetime.fromisoformat(value)
    return value


@checked
class AlikeCertificate:
    """The published certificate of the same setting: it holds if all prompts share one alpha."""

    k: Whole
    """Changed suffix characters from which on the attack is broken, as fitted."""
    epsilon: Share
    """The success rate that remains from ``k`` on."""
    length: Whole
    """m, characters of the prompt: the median of the attacks."""
    suffix_length: Whole
    """m_S, characters of the suffix: the median of the attacks."""
    curve: Annotated[Mapping[str, Number], AfterValidator(_curve), Give("a, b and c")]
    """``a``, ``b``, ``c`` of ASR(k) = a exp(-b k) + c."""
    alpha: Share
    """Proposition 2 of arXiv 2511.18721."""
    dsp: Share
    """P(Binomial(N, alpha) >= ceil(N / 2)); an estimate where prompts differ, no bound."""


@checked
class HeldOut:
    """The same setting on attacks that took no part in fit, plan or certificate."""

    attacks: Count
    """How many, >= 1."""
    groups: Count
    """Of attacks that are alike."""
    attacks_sha256: Text
    """Of their prompts and spans."""
    votes: Count
    """Whole votes on each attack, one try each."""
    dsp: Share
    """Share of votes that refused: the mean over groups."""
    low: Share
    """Lower end of the two-sided interval of E[DSP] at the card's confidence."""
    high: Share
    """Upper end."""


@checked
class BareRates:
    """How often the undefended target complies, on the attacks that voted; shares over groups."""

    attack: Share
    """With the attack."""
    attack_low: Share
    """Lower end of its two-sided interval at the card's confidence."""
    attack_high: Share
    """Upper end."""
    goal: Share | None
    """With the bare goal; None where the attacks name none."""
    goal_low: Share | None
    """Lower end of its interval."""
    goal_high: Share | None
    """Upper end."""


@checked
class CertificateCard:
    """One certificate with all that it depends on.

    ``lower`` and ``share_lower`` are bounds at ``confidence``, for groups of attacks drawn as those
    measured were. They say nothing of other attacks, targets or settings. Where ``joint`` is above
    1, the ``lower`` of so many families' cards hold together; where ``named`` is, those of so many
    defences, whichever of them is deployed; ``share_lower`` is by itself.

    Raises:
        OptionError: a value of the wrong type or outside its range.
    """

    target: Text
    """The model's name, as the target was asked for it."""
    target_identity: Object
    """All that an answer depends on beside the prompt: weights' hash or address, decoding."""
    family: Text
    """The attack family that the prompts were drawn from, such as ``"gcg"``."""
    attacks: Count
    """Prompts that voted, >= 1."""
    groups: Count
    """Of attacks that are alike: the independent draws behind the bounds, 1 to ``attacks``."""
    ties: Annotated[Mapping[str, Count], Give("an object of counts")]
    """What ties members together (goal, template, suffix, source) -> how many groups."""
    failed: FailedAttacks
    """What was done with attacks that failed: ``"out"``: marked ones are left out; ``"in"``: they
    are kept; ``"successful only"``: so are all that the undefended target refuses left out."""
    undefended: BareRates
    """What such attacks do without a defence."""
    attacks_sha256: Text
    """Of their prompts and spans, whatever their order."""
    judge: Object
    """The judge's identity."""
    judge_error: Object | None
    """The labelled sample that the bounds account for; None where the judge is taken at its
    word."""
    perturbation: PerturbationKind | None
    """``"swap"``, ``"patch"`` or ``"insert"``; None, as the five after it, where ``defence`` is
    another."""
    rate: Share | None
    """q, the share of characters changed in each copy, in [0, 1]."""
    alphabet: Text | None
    """New characters are drawn from these."""
    paper: Flag | None
    """The published perturbation to the letter."""
    copies: Count | None
    """N, the votes of the deployed system, >= 1."""
    majority: Count | None
    """Refusals that decide: ceil(N / 2)."""
    trials: Count
    """r, measured copies of each prompt, or whole decisions where no copies vote alike, >= 1."""
    seed: Whole
    """Of split and perturbations, >= 0."""
    tries: Count
    """T, how often the attacker may ask; ``lower`` and ``share_lower`` count attacks that all T
    votes refuse."""
    joint: Count
    """Families whose ``lower`` hold at once at ``confidence``; 1: this one by itself."""
    confidence: Share
    """Of each bound, in (0, 1)."""
    method: Text
    """The rule behind ``lower``: ``"block"``, ``"threshold"`` or ``"betting"``, the last over the
    groups' means; of the others one member stands for a group, if few attacks share one."""
    lower: Share
    """Lower confidence bound on E[DSP] over the population: the share of such attacks refused."""
    estimate: Share
    """The likely E[DSP]; no bound."""
    share_tau: Share
    """A prompt counts for the share if its own DSP is at least this."""
    share_lower: Share | None
    """Lower confidence bound on the share of such prompts; None where the judge model gives
    none."""
    alike: AlikeCertificate | None
    """The published certificate beside it; None where no curve was fitted."""
    held_out: HeldOut | None
    """The measured check; None where no attacks were held out."""
    date: Annotated[str, Strict(), AfterValidator(_moment), Give("an ISO 8601 moment")]
    """When it was made, ISO 8601, UTC."""
    versions: Object
    """Of interlock and of what decides its numbers."""
    defence: Object | None = None
    """The identity of a defence that is no vote over perturbed copies; None where it is one."""
    named: Count = 1
    """Defences that were measured, and whose ``lower`` hold at once: this one may have been chosen
    among them."""

    def __post_init__(self) -> None:
        setting = [getattr(self, name) for name in _SETTING]
        if (None in setting) if self.defence is None else (setting != [None] * len(setting)):
            raise OptionError(
                f"defence={self.defence!r}: give it, or else all of {', '.join(_SETTING)}"
            )
        if self.defence is not None:
            if dict(self.deployed.identity) != dict(self.defence):
                raise OptionError(f"defence={self.defence!r}: not all that it depends on is there")
            if self.deployed.name == "smooth":
                raise OptionError(
                    f"defence={self.defence!r}: say it by {', '.join(_SETTING)} instead"
                )
        if self.copies is not None and self.majority != int(majority(self.copies)):
            raise OptionError(
                f"majority={self.majority}: of {self.copies} copies "
                f"{int(majority(self.copies))} refusals decide"
            )
        if self.groups > self.attacks:
            raise OptionError(f"groups={self.groups}: of {self.attacks} attacks; give 1 to as many")

    @cached_property
    def id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the content; two equal cards share it."""
        content = json.dumps(self._content(), sort_keys=True, allow_nan=False)
        return sha256(content.encode()).hexdigest()[:16]

    def _content(self) -> dict[str, Any]:
        """All fields; without those that cards had none of before, where they say nothing."""
        content = asdict(self)
        for name, nothing in (("defence", None), ("named", 1)):
            if content[name] == nothing:
                del content[name]
        return content

    @property
    def perturbing(self) -> Perturbation:
        """The perturbation that was certified, ready to deploy.

        Raises:
            OptionError: the defence is no vote over perturbed copies.
        """
        if self.perturbation is None or self.alphabet is None or self.rate is None:
            raise OptionError(f"{self.defence_said} perturbs no copies")
        return Perturbation(self.perturbation, self.rate, self.alphabet, bool(self.paper))

    @property
    def deployed(self) -> Defence:
        """The defence that was certified, ready to deploy.

        Raises:
            OptionError: there is no such defence here.
        """
        if self.defence is not None:
            return defence_from(self.defence)
        return RandomCopies(self.perturbing, self.copies or 1)

    @property
    def defence_said(self) -> str:
        """The defence in words."""
        if self.defence is not None:
            return defence_text(self.deployed)
        changed = f"{self.rate:.0%} of the characters changed by {self.perturbation}"
        return f"a vote of {self.copies} copies with {changed}"

    def mismatches(
        self,
        perturbation: Perturbation,
        copies: int,
        target: str | None = None,
        judge: Mapping[str, Any] | None = None,
    ) -> tuple[str, ...]:
        """Each way in which the given settings differ from the certified ones, one line each.

        Empty where the certificate speaks of exactly these settings.

        Args:
            perturbation: kind, rate, alphabet and paper mode to be deployed.
            copies: N to be deployed.
            target: name of the model to be deployed; None leaves it out of the comparison.
            judge: identity of the judge to be deployed; None leaves it out.
        """
        pairs: list[tuple[str, object, object]] = [
            ("perturbation", self.perturbation, perturbation.kind),
            ("q", self.rate, perturbation.rate),
            ("alphabet", self.alphabet, perturbation.alphabet),
            ("paper mode", self.paper, perturbation.paper),
            ("N", self.copies, copies),
        ]
        if self.defence is not None:
            given = defence_text(RandomCopies(perturbation, copies))
            pairs = [("defence", self.defence_said, given)]
        if target is not None:
            pairs.append(("target", self.target, target))
        if judge is not None:
            pairs.append(("judge", dict(self.judge), dict(judge)))
        return tuple(
            f"{name}: certified {certified!r}, deployed {given!r}"
            for name, certified, given in pairs
            if certified != given
        )

    def differences(self, defence: Defence, judge: Mapping[str, Any]) -> tuple[str, ...]:
        """Each way in which a deployed defence differs from the certified one, one line each.

        Args:
            defence: to be deployed.
            judge: identity of the judge to be deployed.
        """
        if isinstance(defence, RandomCopies) and isinstance(defence.change, Perturbation):
            return self.mismatches(defence.change, defence.copies, judge=judge)
        certified, deployed = self.deployed, dict(defence.identity)
        lines = list[str]()
        if dict(certified.identity) != deployed:
            texts = defence_text(certified), defence_text(defence)
            old, new = (dict(certified.identity), deployed) if texts[0] == texts[1] else texts
            lines.append(f"defence: certified {old!r}, deployed {new!r}")
        if dict(self.judge) != dict(judge):
            lines.append(f"judge: certified {dict(self.judge)!r}, deployed {dict(judge)!r}")
        return tuple(lines)

    def matches(
        self,
        perturbation: Perturbation,
        copies: int,
        target: str | None = None,
        judge: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether the certificate speaks of exactly these settings, see :meth:`mismatches`."""
        return not self.mismatches(perturbation, copies, target, judge)

    def statement(self) -> str:
        """The claim in one sentence."""
        return claim(
            lower=self.lower, confidence=self.confidence, joint=self.joint, named=self.named,
            tries=self.tries, family=self.family, attacks=self.attacks, groups=self.groups,
            failed=self.failed, judge=self.judge, judge_error=self.judge_error, target=self.target,
            identity=self.target_identity, defence=self.defence_said,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """As the file holds it: plain values, with format, version and id."""
        return {"format": FORMAT, "version": VERSION, "id": self.id, **self._content()}

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the card as JSON; the name appears only when the file is complete.

        Raises:
            OutputError: the file cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=True, allow_nan=False)
        return write_atomically(Path(path), text + "\n")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> CertificateCard:
        """Read a card.

        Raises:
            OutputError: the file is missing, no card, of another version, incomplete, or was
                changed after it was made.
        """
        source = Path(path)
        content = dict(_read(source))
        made_id = content.pop("id", None)
        try:
            card = cls(**content)
        except OptionError as error:
            raise OutputError(f"{source}: not a valid certificate card ({error})") from None
        if made_id != card.id:
            raise OutputError(
                f"{source}: its content does not match its id; the card was changed after it was "
                "made, so what it claims was not measured"
            )
        return card


def _read(path: Path) -> Mapping[str, Any]:
    """The content of a file of this format and version."""
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise OutputError(f"{path}: no {FORMAT}; give a file that 'certify report' wrote")
    if (version := record.pop("version", None)) == 1:
        raise OutputError(
            f"{path}: {FORMAT} of version 1, whose bound takes attacks that are alike for "
            "independent; make it anew with 'interlock certify report'"
        )
    if version != VERSION:
        raise OutputError(
            f"{path}: {FORMAT} of version {version!r}; this interlock reads version {VERSION}"
        )
    return record
