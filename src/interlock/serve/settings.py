"""All settings of a guard: what each may be, and what it is by default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from interlock.certify.defences import parse_defence
from interlock.certify.targets.address import Address
from interlock.errors import OptionError
from interlock.names import GuardMode, PerturbationKind
from interlock.serve.channels import CHANNELS, Channel, ChannelName, Policy
from interlock.serve.keys import KeyHash
from interlock.serve.ledger import Retention

Seconds = Annotated[float, Field(gt=0, le=3600)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Tokens = Annotated[int, Field(ge=1, le=10**12)]
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _base_address(value: str) -> str:
    """An address of chat completions, perhaps with a query; nothing in it is secret."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("start with http:// or https://")
    try:
        url = httpx.URL(value)
        if not url.host or not 0 < (url.port or 1) < 2**16:
            raise httpx.InvalidURL("no host, or no such port")
    except (httpx.InvalidURL, ValueError):
        raise ValueError("no address of a server; give one such as http://host:8000/v1") from None
    if url.userinfo or url.fragment:
        raise ValueError("no user, password or fragment; keys go into the environment")
    try:
        Address.read(value)
    except OptionError as error:
        raise ValueError(str(error).partition(": ")[2]) from None
    return value


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) else value


def _several(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


BaseAddress = Annotated[str, AfterValidator(_base_address)]
File = Annotated[Path, BeforeValidator(_path)]
Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class VoteSettings(_Section):
    """How each request is voted on; what is absent follows the certificate."""

    defence: Annotated[str, Field(min_length=1)] | None = None
    """What each request is put to, such as ``"erase:parts=3"`` or ``"self+smooth"``; it stands
    alone, without the five settings below."""
    perturbation: PerturbationKind | None = None
    """``"swap"``, ``"patch"`` or ``"insert"``."""
    rate: Annotated[float, Field(ge=0, le=1)] | None = None
    """q, the share of characters changed in each copy."""
    copies: Annotated[int, Field(ge=1, le=1001)] | None = None
    """N."""
    alphabet: Annotated[str, Field(min_length=2)] | None = None
    """New characters are drawn from these."""
    paper: bool | None = None
    """The published perturbation to the letter."""
    judge: Literal["phrases", "second-opinion", "keywords", "model"] = "phrases"
    """``"phrases"``: answers that refuse and give nothing else. ``"second-opinion"``: the same, and
    a small classifier where none refuses. ``"keywords"``: the paper's. ``"model"``: another chat
    model, see ``judge_url``."""
    judge_url: BaseAddress | None = None
    """Base address of the judging model."""
    judge_model: str | None = None
    """Its name there."""
    judge_key_env: str = "INTERLOCK_JUDGE_KEY"
    """Environment variable with its key; any word where it needs none."""
    copy_timeout: Seconds = 60.0
    """Seconds of silence after which a call is lost; one that goes on may take longer."""
    deadline: Seconds = 180.0
    """Seconds for a whole request, waiting for its turn included; 5 more to put it on record."""
    head: Seconds = 0.5
    """Seconds after which a stream begins though the vote is under way, with comments alone."""
    live: bool = True
    """Give a released answer as it comes, each beginning judged as it stands; false: judged whole
    first."""
    secret_env: str = "INTERLOCK_GUARD_SECRET"
    """Environment variable with the secret that copies are drawn from; a new one at each start
    where it is unset."""
    remember: Seconds = 3600.0
    """Seconds for which a refused prompt, and one like it, is refused without another vote."""
    retries: Annotated[int, Field(ge=0, le=10)] = 1
    """Further calls for a lost copy."""
    spare: Annotated[int, Field(ge=0, le=1000)] = 1
    """Copies asked at once beyond the fewest that could decide."""
    refusal: Annotated[str, Field(min_length=1)] = "I can't help with that."
    """The answer to a blocked request."""

    classifier_url: BaseAddress | None = None
    """Base address of the model that a defence's stage ``classifier`` asks."""
    classifier_model: str | None = None
    """Its name there."""
    classifier_key_env: str = "INTERLOCK_CLASSIFIER_KEY"
    """Environment variable with its key; none is sent where it is unset."""

    @model_validator(mode="after")
    def _defence_is_one(self) -> VoteSettings:
        if self.defence is None:
            return self
        by_itself = ("perturbation", "rate", "copies", "alphabet", "paper")
        given = [name for name in by_itself if getattr(self, name) is not None]
        if given:
            raise ValueError(f"defence says what is asked; leave out {', '.join(given)}")
        try:
            parse_defence(self.defence)
        except OptionError as error:
            raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _classifier_is_named(self) -> VoteSettings:
        if (self.classifier_url is None) != (self.classifier_model is None):
            raise ValueError("give classifier_url and classifier_model, or neither")
        return self

    @model_validator(mode="after")
    def _judge_is_named(self) -> VoteSettings:
        if self.judge == "model" and not (self.judge_url and self.judge_model):
            raise ValueError("judge = 'model' needs judge_url and judge_model")
        return self


class MonitorSettings(_Section):
    """What a guard does that only watches (``mode = "monitor"``)."""

    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of the prompts that is voted on, chosen by the guard's secret; all are answered."""


class LimitSettings(_Section):
    """What one client may ask for, and how much at once."""

    request_bytes: Count = 1_000_000
    """Of one request's body."""
    messages: Count = 1000
    """Of one request's chat."""
    user_characters: Count = 200_000
    """That the user wrote in one request."""
    answer_bytes: Annotated[int, Field(ge=1024)] = 2 * 2**20
    """Of one copy's answer; a longer one is lost."""
    active: Count = 100
    """Requests voted on at once."""
    queue: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    """Requests that may wait; beyond it the answer is 429."""
    connections: Count = 1000
    """Calls of the upstream at once."""
    refusals: Count = 20
    """Refusals of one key beyond its answers, from which on each further one is followed by a
    pause."""
    refusals_pause: Seconds = 5.0
    """Seconds of the first pause; each is twice as long as the one before, up to an hour."""
    requests_per_minute: Count | None = None
    """Of each key, where it has no quota of its own; without keys, of all clients together."""
    tokens_per_minute: Tokens | None = None
    """Likewise: tokens of all calls of a request, copies included."""


class _Policies(_Section):
    """What happens to text of a client on each of its ways to the model; see ``channels``."""

    extra: Names = ()
    """Keys beyond the known ones that are sent on as they are; the certificate does not apply to
    such a request. A key inside an object is named with its level: ``"content.cache_control"``."""
    fixed: Names = ()
    """SHA-256 of the operator's own texts, or of objects as sorted, compact ASCII JSON, where a
    channel is ``"fixed"``."""
    prefixes: Names = ()
    """Beginnings of the operator's own where a channel is ``"fixed"``; the rest is voted on."""
    hidden: Literal["strip", "refuse"] = "strip"
    """Characters that no reader sees: taken out, or answered 400."""

    @field_validator("fixed")
    @classmethod
    def _hashes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(one) != 64 or set(one) - set("0123456789abcdef") for one in value):
            raise ValueError("give SHA-256 digests of 64 hexadecimal digits, in lower case")
        return value

    @field_validator("prefixes")
    @classmethod
    def _begin(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(value):
            raise ValueError("an empty beginning is everybody's")
        return value

    def of(self, name: ChannelName) -> Policy:
        """The policy of one channel."""
        policy: Policy = getattr(self, name)
        return policy


def _policy(channel: Channel) -> tuple[Any, Any]:
    choices = ", ".join(f'`"{choice}"`' for choice in channel.choices)
    said = f"{channel.holds} {choices}."
    return Literal[channel.choices], Field(default=channel.default, description=said)


PolicySettings: type[_Policies] = create_model(
    "PolicySettings",
    __base__=_Policies,
    **{name: _policy(channel) for name, channel in CHANNELS.items()},  # type: ignore[call-overload]
)
"""One setting for each channel of the table."""


class AuthSettings(_Section):
    """Who may ask the guard."""

    keys_file: File | None = None
    """One key a line; blank lines and lines with ``#`` are skipped."""
    keys_env: str = "INTERLOCK_GUARD_KEYS"
    """Environment variable with keys, commas between them."""
    admin_keys_file: File | None = None
    """Keys that may also see the page's data and the copies of the try-it box."""
    admin_keys_env: str = "INTERLOCK_GUARD_ADMIN_KEYS"
    """Likewise, by environment."""
    open: bool = False
    """Serve other machines without keys."""
    hosts: Names = ()
    """Without keys: further names by which requests may call this guard; ``["*"]`` for any."""
    origins: Names = ()
    """Sites whose pages may ask, such as ``https://app.example``; with keys ``["*"]`` for any."""

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            parts = urlsplit(one)
            if one != "*" and (not parts.netloc or one != f"{parts.scheme}://{parts.netloc}"):
                raise ValueError("give scheme and host alone, such as https://app.example")
        return tuple(one.lower() for one in value)


def _of_keys(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        KeyHash.read(text)
    return value


class KeySettings(_Section):
    """One client's keys, quota and policy."""

    hashes: Annotated[Names, AfterValidator(_of_keys)] = ()
    """Salted hashes of its keys, as ``interlock guard key`` makes them."""
    env: str = ""
    """Environment variable with its keys, commas between them."""
    file: File | None = None
    """A file with its keys, one a line."""
    requests_per_minute: Count | None = None
    """Its quota; where absent ``limits.requests_per_minute``."""
    tokens_per_minute: Tokens | None = None
    """Likewise."""
    policy: PolicySettings = PolicySettings()  # type: ignore[valid-type]
    """What is otherwise than in ``[policy]`` for its requests."""


def checked_names(value: dict[str, KeySettings]) -> dict[str, KeySettings]:
    """Names that clients can have.

    Raises:
        ValueError: one is none.
    """
    for name in value:
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
            raise ValueError(f"{name!r}: give a name in small letters, digits and . _ -")
        if name == "admin" or name.startswith("unnamed-"):
            raise ValueError(f"{name!r} is a name of the guard's own")
    return value


class LedgerSettings(_Section):
    """Where decisions are kept."""

    url: str = "sqlite:///interlock-guard.sqlite"
    """An SQLAlchemy address; ``postgresql+psycopg://…`` for several replicas."""
    waiting: Count = 10_000
    """Decisions not yet written at most; beyond it requests are answered 503."""
    max_days: Annotated[float, Field(gt=0, le=36500)] | None = None
    """Older decisions are removed."""
    max_rows: Annotated[int, Field(ge=1)] | None = None
    """Of more decisions than these the oldest are removed."""

    @property
    def retention(self) -> Retention:
        """What is kept."""
        return Retention(self.max_days, self.max_rows)


class BreakerSettings(_Section):
    """When the upstream counts as down."""

    failures: Count = 30
    """Calls in a row that failed."""
    pause: Seconds = 10.0
    """Seconds until one request is let through to try again."""


class DriftSettings(_Section):
    """The running comparison with what the certificate assumes."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.99
    """Of each alarm: a false one ever has at most one minus this probability."""
    certified: Literal["probes", "all"] = "probes"
    """Whose votes are held against the certificate. ``"probes"``: requests with the header
    ``x-interlock-probe: 1`` and an admin key, such as a replay of the certified attacks.
    ``"all"``: every request, where all traffic is attacks."""
    expected: tuple[float, float] | None = None
    """Range of the refused share of copies over all traffic, as the operator knows it."""
    not_ready: bool = False
    """Answer ``/readyz`` with 503 from the first alarm on."""

    @field_validator("expected", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        if value is None or isinstance(value, tuple):
            return value
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError("give [low, high]")
        return tuple(value)

    @model_validator(mode="after")
    def _in_order(self) -> DriftSettings:
        if self.expected is not None and not 0 <= self.expected[0] <= self.expected[1] <= 1:
            raise ValueError("expected: give [low, high] with 0 <= low <= high <= 1")
        return self


class LogSettings(_Section):
    """What the log says."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least that is logged; ``info`` has a line for each request."""
    prompts: bool = False
    """Log the user's text. Off: its hash and length only."""


class TraceSettings(_Section):
    """Traces by OpenTelemetry; they need the extra ``otel``."""

    endpoint: BaseAddress | None = None
    """Address of a collector for OTLP over HTTP, such as ``http://127.0.0.1:4318/v1/traces``; its
    headers come from ``OTEL_EXPORTER_OTLP_HEADERS``."""
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of requests traced whose client traces none itself."""


class GuardConfig(_Section):
    """A guard."""

    upstream: BaseAddress | None = None
    """Base address of the model's server, such as ``http://127.0.0.1:8000/v1``, or all of it up to
    ``/chat/completions``, either with a query such as Azure's ``?api-version=…``."""
    upstream_key_env: str = "OPENAI_API_KEY"
    """Environment variable with its key; none is sent where it is unset."""
    upstream_usage: bool = True
    """Ask the upstream for token counts of streams; some servers refuse to be asked."""
    embedded: bool = False
    """Serve the small chat model of this package instead."""
    target: str | None = None
    """Serve this ``transformers`` directory, or hub id, in the guard's own process instead."""
    system: File | None = None
    """A file with the system prompt of the certificate, put before every chat."""
    device: str | None = None
    """Where a model of the guard's own process runs."""
    model: str | None = None
    """The one model that may be asked for; the certificate's where absent."""
    certificate: File | None = None
    """A card that ``interlock certify report`` wrote."""
    uncertified: bool = False
    """Serve without a certificate that applies; every answer says so."""
    mode: GuardMode = "guard"
    """``"guard"``: what the vote refuses is refused. ``"monitor"``: everything is answered, the
    ledger says what the vote would have refused, and no certificate applies."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 for any that is free."""
    tls_cert: File | None = None
    """Serve HTTPS with this certificate, a PEM file with its chain."""
    tls_key: File | None = None
    """Its private key, a PEM file without a password."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """Tells guards with the same secret apart; by itself it foretells no copies."""
    page: bool = True
    """Serve the page at ``/``."""
    vote: VoteSettings = VoteSettings()
    monitor: MonitorSettings = MonitorSettings()
    limits: LimitSettings = LimitSettings()
    policy: PolicySettings = PolicySettings()  # type: ignore[valid-type]
    auth: AuthSettings = AuthSettings()
    keys: Annotated[dict[str, KeySettings], AfterValidator(checked_names)] = {}
    """Keys with a name, a quota and a policy each: a table ``[keys.NAME]`` for each client."""
    ledger: LedgerSettings = LedgerSettings()
    breaker: BreakerSettings = BreakerSettings()
    drift: DriftSettings = DriftSettings()
    log: LogSettings = LogSettings()
    traces: TraceSettings = TraceSettings()

    @model_validator(mode="after")
    def _one_model(self) -> GuardConfig:
        if [self.upstream is not None, self.target is not None, self.embedded].count(True) != 1:
            raise ValueError(
                "give either upstream (--upstream URL), target (--target DIR) or embedded "
                "(--embedded)"
            )
        if (self.target or "").startswith(("http://", "https://")):
            raise ValueError("target is a directory or hub id; give an address as --upstream")
        if self.certificate is None and not self.uncertified and not self.embedded:
            raise ValueError(
                "no certificate: give one (--certificate FILE), or say that none applies "
                "(--uncertified)"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("TLS takes both, tls_cert (--tls-cert) and tls_key (--tls-key)")
        return self

    def policy_of(self, key: KeySettings) -> _Policies:
        """The policy for a client's requests: its own settings over the guard's."""
        general, given = cast(_Policies, self.policy), cast(_Policies, key.policy)
        return general.model_copy(
            update={name: getattr(given, name) for name in given.model_fields_set}
        )

    @property
    def local(self) -> str | None:
        """The model of this process, where it is one."""
        return "embedded" if self.embedded else self.target

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can ask."""
        return self.host in LOOPBACK
