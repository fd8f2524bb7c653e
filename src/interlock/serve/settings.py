"""All settings of a guard: what each may be, and what it is by default."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    Field,
    field_validator,
    model_validator,
)

from interlock.certify.defences import parse_defence
from interlock.errors import OptionError
from interlock.names import GuardMode, PerturbationKind
from interlock.serve.client_settings import (
    AuthSettings,
    KeySettings,
    Policies,
    PolicySettings,
    checked_names,
)
from interlock.serve.ledger import Retention
from interlock.serve.setting_types import BaseAddress, Count, File, Seconds, Section, Tokens

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class VoteSettings(Section):
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


class MonitorSettings(Section):
    """What a guard does that only watches (``mode = "monitor"``)."""

    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of the prompts that is voted on, chosen by the guard's secret; all are answered."""


class LimitSettings(Section):
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


class LedgerSettings(Section):
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


class BreakerSettings(Section):
    """When the upstream counts as down."""

    failures: Count = 30
    """Calls in a row that failed."""
    pause: Seconds = 10.0
    """Seconds until one request is let through to try again."""


class DriftSettings(Section):
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


class LogSettings(Section):
    """What the log says."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least that is logged; ``info`` has a line for each request."""
    prompts: bool = False
    """Log the user's text. Off: its hash and length only."""


class TraceSettings(Section):
    """Traces by OpenTelemetry; they need the extra ``otel``."""

    endpoint: BaseAddress | None = None
    """Address of a collector for OTLP over HTTP, such as ``http://127.0.0.1:4318/v1/traces``; its
    headers come from ``OTEL_EXPORTER_OTLP_HEADERS``."""
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of requests traced whose client traces none itself."""


class GuardConfig(Section):
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
    keys: Annotated[dict[str, KeySettings], AfterValidator(checked_names)] = {}  # noqa: RUF012 (pydantic copies it)
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

    def policy_of(self, key: KeySettings) -> Policies:
        """The policy for a client's requests: its own settings over the guard's."""
        general, given = cast(Policies, self.policy), cast(Policies, key.policy)
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
