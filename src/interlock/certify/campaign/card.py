"""The certificate card: what was certified, of what, under which settings, in one JSON file.

A certificate outlives the run that made it: a proxy deploys its settings, an auditor asks what it
was measured on. So the card holds all of that, and an id that is the hash of its content: a card
that was edited no longer loads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

from interlock._files import write_atomically
from interlock.certify.bounds.laws import majority
from interlock.certify.campaign._card_fields import check, read_record
from interlock.certify.vote.perturb import Perturbation
from interlock.errors import OptionError, OutputError
from interlock.names import PerturbationKind

FORMAT, VERSION = "interlock certificate card", 1


@dataclass(frozen=True)
class AlikeCertificate:
    """The published certificate of the same setting: it holds if all prompts share one alpha."""

    k: int
    """Changed suffix characters from which on the attack is broken, as fitted."""
    epsilon: float
    """The success rate that remains from ``k`` on."""
    length: int
    """m, characters of the prompt: the median of the attacks."""
    suffix_length: int
    """m_S, characters of the suffix: the median of the attacks."""
    curve: Mapping[str, float]
    """``a``, ``b``, ``c`` of ASR(k) = a exp(-b k) + c."""
    alpha: float
    """Proposition 2 of arXiv 2511.18721."""
    dsp: float
    """P(Binomial(N, alpha) >= ceil(N / 2)); an estimate where prompts differ, no bound."""


@dataclass(frozen=True)
class HeldOut:
    """The same setting on attacks that took no part in fit, plan or certificate."""

    attacks: int
    """How many, >= 1."""
    attacks_sha256: str
    """Of their prompts and spans."""
    votes: int
    """Whole votes on each attack."""
    dsp: float
    """Share of votes that refused."""
    low: float
    """Lower end of the two-sided interval of E[DSP] at the card's confidence."""
    high: float
    """Upper end."""


@dataclass(frozen=True)
class CertificateCard:
    """One certificate with all that it depends on.

    ``lower`` and ``share_lower`` are bounds at ``confidence``, each by itself, for attacks drawn
    as those measured were. They say nothing of other attacks, targets or settings.

    Raises:
        OptionError: a value of the wrong type or outside its range.
    """

    target: str
    """The model's name, as the target was asked for it."""
    target_identity: Mapping[str, Any]
    """All that an answer depends on beside the prompt: weights' hash or address, decoding."""
    family: str
    """The attack family that the prompts were drawn from, such as ``"gcg"``."""
    attacks: int
    """Prompts that voted, >= 1."""
    attacks_sha256: str
    """Of their prompts and spans, whatever their order."""
    judge: Mapping[str, Any]
    """The judge's identity."""
    judge_error: Mapping[str, Any] | None
    """The labelled sample that the bounds account for; None where the judge is taken at its
    word."""
    perturbation: PerturbationKind
    """``"swap"``, ``"patch"`` or ``"insert"``."""
    rate: float
    """q, the share of characters changed in each copy, in [0, 1]."""
    alphabet: str
    """New characters are drawn from these."""
    paper: bool
    """The published perturbation to the letter."""
    copies: int
    """N, the votes of the deployed system, >= 1."""
    majority: int
    """Refusals that decide: ceil(N / 2)."""
    trials: int
    """r, measured copies of each prompt, >= 1."""
    seed: int
    """Of split and perturbations, >= 0."""
    confidence: float
    """Of each bound, in (0, 1)."""
    method: str
    """The rule behind ``lower``: ``"block"``, ``"threshold"`` or ``"betting"``."""
    lower: float
    """Lower confidence bound on E[DSP] over the population: the share of such attacks refused."""
    estimate: float
    """The likely E[DSP]; no bound."""
    share_tau: float
    """A prompt counts for the share if its own DSP is at least this."""
    share_lower: float | None
    """Lower confidence bound on the share of such prompts; None where the judge model gives
    none."""
    alike: AlikeCertificate | None
    """The published certificate beside it; None where no curve was fitted."""
    held_out: HeldOut | None
    """The measured check; None where no attacks were held out."""
    date: str
    """When it was made, ISO 8601, UTC."""
    versions: Mapping[str, str]
    """Of interlock and of what decides its numbers."""

    def __post_init__(self) -> None:
        check(self)
        if self.majority != int(majority(self.copies)):
            raise OptionError(
                f"majority={self.majority}: of {self.copies} copies "
                f"{int(majority(self.copies))} refusals decide"
            )

    @cached_property
    def id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the content; two equal cards share it."""
        content = json.dumps(asdict(self), sort_keys=True, allow_nan=False)
        return sha256(content.encode()).hexdigest()[:16]

    @property
    def perturbing(self) -> Perturbation:
        """The perturbation that was certified, ready to deploy."""
        return Perturbation(self.perturbation, self.rate, self.alphabet, self.paper)

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
        if target is not None:
            pairs.append(("target", self.target, target))
        if judge is not None:
            pairs.append(("judge", dict(self.judge), dict(judge)))
        return tuple(
            f"{name}: certified {certified!r}, deployed {given!r}"
            for name, certified, given in pairs
            if certified != given
        )

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
        changed = f"{self.rate:.0%} of the characters changed by {self.perturbation}"
        return (
            f"With {self.confidence:.0%} confidence, at least {self.lower:.1%} of {self.family} "
            f"attacks like the {self.attacks} measured are refused by {self.target} behind a vote "
            f"of {self.copies} copies with {changed}."
        )

    def to_dict(self) -> dict[str, Any]:
        """As the file holds it: plain values, with format, version and id."""
        return {"format": FORMAT, "version": VERSION, "id": self.id, **asdict(self)}

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
        record = read_record(source, FORMAT, VERSION)
        values = {f.name: record.get(f.name, ...) for f in fields(cls)}
        missing = [name for name, value in values.items() if value is ...]
        if missing:
            raise OutputError(f"{source}: the certificate card has no field {missing[0]!r}")
        try:
            for name, kind in (("alike", AlikeCertificate), ("held_out", HeldOut)):
                if values[name] is not None:
                    values[name] = kind(**values[name])
            card = cls(**values)
        except (OptionError, TypeError) as error:
            raise OutputError(f"{source}: not a valid certificate card ({error})") from None
        if record.get("id") != card.id:
            raise OutputError(
                f"{source}: its content does not match its id; the card was changed after it was "
                "made, so what it claims was not measured"
            )
        return card
