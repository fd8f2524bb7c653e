"""What a guard deploys, held against what its certificate certified, before it answers anybody."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock._files import naming_what_is_unreadable
from interlock.certify import CertificateCard, Judge, ModelJudge, Perturbation
from interlock.certify.defences import parse_defence, with_classifier
from interlock.certify.defences.cascade import stages_of
from interlock.certify.defences.classifier import Classifier
from interlock.certify.defences.perplexity import Perplexity
from interlock.certify.judges.phrases import phrase_judge
from interlock.certify.targets.address import Address
from interlock.certify.targets.identity import target_differences
from interlock.certify.targets.protocol import Identity, Wants
from interlock.certify.targets.system import read_system, system_identity
from interlock.certify.vote.asks import Defence
from interlock.certify.vote.random_copies import RandomCopies
from interlock.errors import ConfigError, OptionError
from interlock.names import GuardMode
from interlock.serve.asked import Asking
from interlock.serve.chat import ChatRequest
from interlock.serve.classified import ClassifiedUpstream
from interlock.serve.coverage import Coverage, coverage, measured_with
from interlock.serve.operator_prompt import PromptedUpstream
from interlock.serve.settings import GuardConfig, VoteSettings
from interlock.serve.upstream import HttpUpstream, Upstream
from interlock.serve.vote import VoteRules

COPIES, RATE = 11, 0.10
"""Used where neither settings nor certificate say otherwise; the paper's q."""


@dataclass(frozen=True)
class Deployment:
    """A guard's model, rules and certificate, ready to serve."""

    upstream: Upstream
    rules: VoteRules
    model: str | None
    """The one model that is served; None: whatever the upstream has."""
    card: CertificateCard | None
    differs: tuple[str, ...]
    """In what the card is not about this deployment; why there is none."""
    mode: GuardMode = "guard"
    """Whether the vote decides, or is only watched."""

    @property
    def certificate(self) -> str | None:
        """The card's id, where it speaks of this deployment."""
        return self.card.id if self.card is not None and not self.differs else None

    def doubts(self, request: ChatRequest) -> tuple[str, ...]:
        """Why the certificate does not speak of this request; empty where it does."""
        spared = ("messages: a text too short for the defence to change",)
        return (
            *self.differs,
            *self.coverage(request).doubts,
            *(spared if self.rules.asking.spares(request) else ()),
        )

    def coverage(self, request: ChatRequest) -> Coverage:
        """What the card, whether or not it is about this deployment, makes of the request."""
        return coverage(request, self.card.target_identity if self.card is not None else None)


def deploy(config: GuardConfig) -> Deployment:
    """Open what the settings name.

    Raises:
        ConfigError: the certificate is not about these settings and ``uncertified`` was not said.
        OutputError, ModelError, DataError: the card, the model or the system prompt cannot be
            loaded.
    """
    card = CertificateCard.load(config.certificate) if config.certificate is not None else None
    defence, classifier = _defence(config, card)
    system = read_system(config.system) if config.system is not None else None
    if config.local is not None:
        upstream, model, identity = _local(config.local, config, card, system)
    else:
        upstream, model, identity = _endpoint(config, card, system)
    if classifier is not None:
        upstream = ClassifiedUpstream(upstream, classifier)
    rules = _rules(config, card, defence)
    differs: tuple[str, ...] = ("no certificate was given",)
    if card is not None:
        differs = (
            *card.differences(defence, rules.judge.identity),
            *target_differences(_certified(card), identity, decoding=config.local is not None),
        )
    if differs and card is not None and not config.uncertified:
        lines = [f"the certificate is not about this guard: {line}" for line in differs]
        lines[-1] += "; change the settings, or say that none applies (--uncertified)"
        raise ConfigError(tuple(lines))
    if config.mode == "monitor":
        differs = (*differs, "mode = 'monitor': whatever the vote says, the answer is given")
    return Deployment(upstream, rules, model, card, differs, config.mode)


def _defence(config: GuardConfig, card: CertificateCard | None) -> tuple[Defence, Upstream | None]:
    """What each request is put to, by the settings or else by the card; and its classifier.

    Raises:
        ConfigError: it cannot be deployed so.
    """
    vote = config.vote
    own = (vote.perturbation, vote.rate, vote.copies, vote.alphabet, vote.paper)
    if vote.defence is not None:
        defence = parse_defence(vote.defence)
    elif card is not None and card.defence is not None and own == (None,) * len(own):
        defence = card.deployed
    else:
        defence = _smooth(vote, card)
    classifier, identity = None, None
    if vote.classifier_url is not None and vote.classifier_model is not None:
        classifier = HttpUpstream(
            vote.classifier_url,
            key=os.environ.get(vote.classifier_key_env, "").strip() or None,
            timeout=vote.copy_timeout,
            max_bytes=config.limits.answer_bytes,
            connections=config.limits.connections,
            usage=config.upstream_usage,
        )
        identity = {"url": classifier.name, "model": vote.classifier_model}
    try:
        defence = with_classifier(defence, identity)
    except OptionError as error:
        raise ConfigError(
            (f"{error}; in guard.toml: vote.classifier_url and vote.classifier_model",)
        ) from None
    stages = stages_of(defence)
    if any(isinstance(stage, Perplexity) and stage.threshold is None for stage in stages):
        raise ConfigError(
            ("vote.defence: give perplexity the threshold that 'certify report' printed",)
        )
    asks = any(isinstance(stage, Classifier) for stage in stages)
    return defence, classifier if asks else None


def _smooth(vote: VoteSettings, card: CertificateCard | None) -> Defence:
    # A certificate of another defence is not about this guard, whatever the settings say.
    certified = card if card is not None and card.defence is None else None
    base = certified.perturbing if certified is not None else Perturbation("swap", RATE)
    perturbation = Perturbation(
        vote.perturbation or base.kind,
        vote.rate if vote.rate is not None else base.rate,
        vote.alphabet or base.alphabet,
        vote.paper if vote.paper is not None else base.paper,
    )
    copies = vote.copies or (certified.copies if certified is not None else None) or COPIES
    return RandomCopies(perturbation, copies)


def _rules(config: GuardConfig, card: CertificateCard | None, defence: Defence) -> VoteRules:
    vote = config.vote
    asking = Asking(
        defence,
        {"temperature": 0} if card is None else measured_with(card.target_identity),
        vote.classifier_model or "",
    )
    free: frozenset[Wants] = frozenset({"surprise"}) if config.local is not None else frozenset()
    return VoteRules(asking, _judge(vote, card), vote.retries, vote.spare, free=free)


def _judge(vote: VoteSettings, card: CertificateCard | None) -> Judge:
    if vote.judge_url is None or vote.judge_model is None or vote.judge != "model":
        # Openings of the model's own are the certificate's.
        extra = card.judge.get("extra", ()) if card is not None else ()
        return phrase_judge(vote.judge, extra)
    from interlock.certify.targets.endpoint import EndpointTarget

    # Always by name: left to itself the target would send the upstream's key to the judge.
    target = EndpointTarget(vote.judge_url, vote.judge_model, key_variable=vote.judge_key_env)
    return ModelJudge(target)


def _local(
    name: str, config: GuardConfig, card: CertificateCard | None, system: str | None
) -> tuple[Upstream, str | None, Identity]:
    """A model of this process, decoding as it was certified."""
    from interlock.certify.targets.local import LocalTarget
    from interlock.serve.local_upstream import LocalUpstream

    certified = card.target_identity if card is not None else {}
    decoding = ("max_tokens", "temperature")
    options: dict[str, Any] = {one: certified[one] for one in decoding if certified.get(one)}
    try:
        with naming_what_is_unreadable(name):
            target = LocalTarget(name, device=config.device, system=system, **options)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # as torch says it
        why = (str(error).splitlines() or [""])[0]
        raise ConfigError((f"device = {config.device!r} cannot be used: {why}",)) from None
    model = config.model or Path(name).name
    return LocalUpstream(target, model, config.vote.copy_timeout), model, target.identity


def _endpoint(
    config: GuardConfig, card: CertificateCard | None, system: str | None
) -> tuple[Upstream, str | None, Identity]:
    url = config.upstream or ""
    named = _name(card) if card is not None else None
    model = config.model or named or Address.read(url).deployment
    upstream: Upstream = HttpUpstream(
        url,
        key=os.environ.get(config.upstream_key_env, "").strip() or None,
        timeout=config.vote.copy_timeout,
        max_bytes=config.limits.answer_bytes,
        connections=config.limits.connections,
        usage=config.upstream_usage,
    )
    identity = {"target": "endpoint", "model": model, "url": upstream.name}
    if system is not None:
        upstream = PromptedUpstream(upstream, system)
    return upstream, model, identity | system_identity(system)


def _name(card: CertificateCard) -> str:
    """The model's name at an endpoint; the card's title of the target elsewhere."""
    known = card.target_identity.get("model")
    return known if isinstance(known, str) else card.target


def _certified(card: CertificateCard) -> Identity:
    """What was certified; an address in the one spelling that the guard uses."""
    identity = dict(card.target_identity)
    if identity.get("target") == "endpoint":
        url = identity.get("url")
        identity["url"] = url.rstrip("/") if isinstance(url, str) else url
        identity["model"] = _name(card)
    return identity
