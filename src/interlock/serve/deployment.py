"""What a guard deploys, held against what its certificate certified, before it answers anybody."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.certify import CertificateCard, Judge, ModelJudge, Perturbation, RefusalPhrases
from interlock.certify.targets.identity import target_differences
from interlock.certify.targets.protocol import Identity
from interlock.certify.targets.system import read_system, system_identity
from interlock.serve.chat import ChatRequest
from interlock.serve.config import ConfigError
from interlock.serve.operator_prompt import PromptedUpstream
from interlock.serve.settings import GuardConfig, VoteSettings
from interlock.serve.upstream import HttpUpstream, Upstream
from interlock.serve.vote import VoteRules

COPIES, RATE = 11, 0.10
"""Used where neither settings nor certificate say otherwise; the paper's q."""
_NEUTRAL = frozenset(
    {"model", "messages", "n", "stream", "stream_options", "seed", "user", "metadata", "store"}
    | {"service_tier", "safety_identifier", "prompt_cache_key"}
)
"""Fields that do not bear on what a copy is answered, or are looked at elsewhere."""


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

    @property
    def certificate(self) -> str | None:
        """The card's id, where it speaks of this deployment."""
        return self.card.id if self.card is not None and not self.differs else None

    def doubts(self, request: ChatRequest) -> tuple[str, ...]:
        """Why the certificate does not speak of this request; empty where it does."""
        differences = list(self.differs)
        differences += [f"{thing.where}: passed on unguarded" for thing in request.unguarded]
        if self.card is not None:
            differences += _request_differs(self.card.target_identity, request.body)
        return tuple(differences)


def deploy(config: GuardConfig) -> Deployment:
    """Open what the settings name.

    Raises:
        ConfigError: the certificate is not about these settings and ``uncertified`` was not said.
        OutputError, ModelError, DataError: the card, the model or the system prompt cannot be
            loaded.
    """
    card = CertificateCard.load(config.certificate) if config.certificate is not None else None
    rules = _rules(config.vote, card)
    system = read_system(config.system) if config.system is not None else None
    if config.local is not None:
        upstream, model, identity = _local(config.local, config, card, system)
    else:
        upstream, model, identity = _endpoint(config, card, system)
    differs: tuple[str, ...] = ("no certificate was given",)
    if card is not None:
        differs = (
            *card.mismatches(rules.perturbation, rules.copies, judge=rules.judge.identity),
            *target_differences(_certified(card), identity, decoding=config.local is not None),
        )
    if differs and card is not None and not config.uncertified:
        lines = [f"the certificate is not about this guard: {line}" for line in differs]
        lines[-1] += "; change the settings, or say that none applies (--uncertified)"
        raise ConfigError(tuple(lines))
    return Deployment(upstream, rules, model, card, differs)


def _rules(vote: VoteSettings, card: CertificateCard | None) -> VoteRules:
    base = card.perturbing if card is not None else Perturbation("swap", RATE)
    perturbation = Perturbation(
        vote.perturbation or base.kind,
        vote.rate if vote.rate is not None else base.rate,
        vote.alphabet or base.alphabet,
        vote.paper if vote.paper is not None else base.paper,
    )
    copies = vote.copies or (card.copies if card is not None else COPIES)
    return VoteRules(perturbation, copies, _judge(vote, card), vote.retries, vote.spare)


def _judge(vote: VoteSettings, card: CertificateCard | None) -> Judge:
    if vote.judge_url is None or vote.judge_model is None or vote.judge != "model":
        # Openings of the model's own are the certificate's.
        extra = card.judge.get("extra", ()) if card is not None else ()
        return RefusalPhrases(extra, paper=vote.judge == "keywords")
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
    model = config.model or (_name(card) if card is not None else None)
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


def _request_differs(certified: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
    """In what a request is not one as they were measured: a chat, and how it is answered."""
    differences = []
    if len(body["messages"]) > 1:
        count = len(body["messages"])
        differences.append(f"messages: certified with the user's alone, asked with {count}")
    if certified.get("target") != "endpoint":
        return differences  # a model of this process has its decoding options from the card
    measured = {name: certified.get(name) for name in ("temperature", "max_tokens")}
    extra = certified.get("extra")
    measured |= json.loads(extra) if isinstance(extra, str) else {}
    old, new = _options(measured), _options(body)
    for name in (*old, *(name for name in new if name not in old)):
        if old.get(name) == new.get(name):
            continue
        if name in old:
            asked = textwrap.shorten(repr(new.get(name)), 60)
            differences.append(f"{name}: certified {old[name]!r}, asked {asked}")
        else:
            differences.append(f"{name}: certified without")
    return differences


def _options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What bears on an answer; null is as good as absent, and a length has two names."""
    given = {k: v for k, v in fields.items() if v is not None and k not in _NEUTRAL}
    length = given.pop("max_completion_tokens", None)
    return given if length is None else {"max_tokens": length} | given
