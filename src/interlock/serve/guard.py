"""The guard: from the bytes of a request to a decision that is on record."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from interlock.serve.admission import Admission
from interlock.serve.answered import Answered, BrokenOffError, UndecidedError
from interlock.serve.breaker import Breaker, WatchedUpstream
from interlock.serve.chat import ChatRequest, read_object
from interlock.serve.deployment import Deployment
from interlock.serve.drift import DriftWatch, Seen
from interlock.serve.keys import Client
from interlock.serve.ledger import Ledger
from interlock.serve.ledger_table import Entry, LedgerError
from interlock.serve.live import LiveAnswer, Pace, reads_beginnings
from interlock.serve.metrics import Metrics, add_gauges
from interlock.serve.monitor import watch_vote
from interlock.serve.policy import check
from interlock.serve.quotas import Lease, Quotas
from interlock.serve.readiness import PUT_ON_RECORD, Reach, Recorder
from interlock.serve.recorded import entry_of, storable
from interlock.serve.repeats import Backoff, Repeats, salt_of, secret_of
from interlock.serve.settings import GuardConfig
from interlock.serve.spending import Meter, likely_cost
from interlock.serve.stream import Stream
from interlock.serve.traces import open_traces
from interlock.serve.vote import Ballot, Matter, Watcher, hold_vote
from interlock.serve.wire_error import WireError

log = logging.getLogger("interlock.guard")
RECENT = 500
"""Decisions kept in memory for the page."""


@dataclass(frozen=True, eq=False)
class _Asking:
    """A request under way: whose it is, and what it has cost so far."""

    request: ChatRequest
    request_id: str
    lease: Lease
    probe: bool
    meter: Meter
    arrived: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since it came."""
        return time.perf_counter() - self.arrived

    def settle(self) -> None:
        """Count what it did cost, once, when it is over."""
        self.lease.settle(self.meter.spent.total)


class Guard:
    """Answers chat requests by votes.

    Args:
        config: the settings.
        deployment: what they name, opened and checked.
        ledger: where decisions go.
        salt: of what is kept of prompts; absent, that of the guard's secret.
    """

    def __init__(
        self,
        config: GuardConfig,
        deployment: Deployment,
        ledger: Ledger,
        salt: bytes | None = None,
    ) -> None:
        self.config, self.deployment, self.ledger = config, deployment, ledger
        self.metrics = Metrics()
        self.breaker = Breaker(config.breaker.failures, config.breaker.pause)
        self.admission = Admission(config.limits.active, config.limits.queue)
        self.upstream = WatchedUpstream(deployment.upstream, self.breaker)
        self.drift = DriftWatch.of(config.drift.confidence, deployment.card, config.drift.expected)
        self.recent: deque[Entry] = deque(maxlen=RECENT)
        self.replica = f"{socket.gethostname()}:{os.getpid()}"
        self.started = datetime.now(UTC)
        self._recorder, self._reach = Recorder(ledger), Reach(self.upstream)
        key = secret_of(_secret(config), config.seed, secrets.token_bytes(32))
        self.repeats = Repeats(key, config.vote.remember)
        self.pace = Pace()
        self.traces = open_traces(config.traces.endpoint, config.traces.share, self.replica)
        self.salt = salt or ledger_salt(config)
        limits = config.limits
        self.backoff = Backoff(limits.refusals, limits.refusals_pause)
        self.quotas = Quotas(limits.requests_per_minute, limits.tokens_per_minute)
        ledger.retention = config.ledger.retention
        add_gauges(self.metrics, self.admission, ledger, self.breaker, self.drift)

    async def start(self) -> None:
        """Take up where the ledger ends: recent decisions, and the drift test on them."""
        judge = self.deployment.rules.judge
        if reads_beginnings(judge):
            judge([""], ["Sure, here is how."])  # its patterns take a while the first time
        self.ledger.keep_pruned(on_error=lambda why: log.error(_line("", problem=why)))
        kept = await self.ledger.recent(10 * RECENT)
        acknowledged = await self.ledger.acknowledged()
        for entry in reversed(kept):
            self.recent.append(entry)
            later = acknowledged is None or entry.time > acknowledged
            if later and entry.certificate == self.deployment.certificate:
                self._watch(entry)

    def take_up(self, config: GuardConfig) -> None:
        """Go on with other settings; what they say of upstream, vote and address is not looked at.

        Requests under way are answered. Quotas used up and pauses stay.
        """
        self.config, limits = config, config.limits
        self.admission.resize(limits.active, limits.queue)
        self.backoff.most, self.backoff.pause = limits.refusals, limits.refusals_pause
        self.quotas.requests = limits.requests_per_minute
        self.quotas.tokens = limits.tokens_per_minute
        self.ledger.retention = config.ledger.retention

    async def acknowledge(self) -> None:
        """Take note of the drift alarms: the comparison begins anew, also after a restart.

        Raises:
            WireError: 503, where that cannot be put on record.
        """
        try:
            await self.ledger.acknowledge(datetime.now(UTC))
        except LedgerError as error:
            log.error(_line("", problem=str(error)))
            raise WireError(503, "it could not be put on record", "ledger_unavailable") from None
        self.drift.begin_anew()

    async def aclose(self) -> None:
        """Write what waits, and close the upstream."""
        await self.ledger.aclose()
        await self.upstream.aclose()
        await asyncio.to_thread(self.traces.close)

    def admit(self, client: Client) -> Lease:
        """Count one request of a client, before anything else is done for it.

        Raises:
            WireError: 429, where his quota is used up.
        """
        return self.quotas.admit(client)

    def read(self, body: Any, client: Client | None = None, *, answers: bool = True) -> ChatRequest:
        """A chat request of this guard's policies and limits.

        Args:
            body: of ``POST /v1/chat/completions``, parsed.
            client: whose it is; None for anybody.
            answers: whether the guard sends it on; else somebody else does, as it came.

        Raises:
            WireError: it may not be voted on, and why.
        """
        own = client.policy if client is not None else None
        request = ChatRequest.of(body, own or self.config.policy, unaltered=not answers)
        check(request, self.config, self.deployment)
        return request

    async def answer(
        self,
        content: bytes | ChatRequest,
        request_id: str,
        *,
        probe: bool = False,
        lease: Lease | None = None,
        answers: bool = True,
        watch: Watcher | None = None,
    ) -> Answered:
        """Decide one request; the decision is on disk when this returns.

        Args:
            content: body of ``POST /v1/chat/completions``, or what :meth:`read` made of it.
            request_id: told upstream and kept in the ledger.
            probe: whether the request is one, see :mod:`interlock.serve.drift`.
            lease: of :meth:`admit`; None for nobody in particular, and without a quota.
            answers: whether the request is answered, or only decided.
            watch: told each step of the vote.

        Raises:
            WireError: there will be no answer, and why.
        """
        lease = lease or Quotas().admit(Client())
        with self._telling(request_id):
            self.backoff.check(_who(lease))
            request = content
            if isinstance(request, bytes):
                request = self.read(read_object(request), lease.client)
            asking = self._asking(request, request_id, lease, probe)
            try:
                answered = await self._decide(asking, answers, watch)
                await self._conclude(asking, answered)
            finally:
                asking.settle()
        return answered

    async def stream(
        self,
        request: ChatRequest,
        request_id: str,
        *,
        probe: bool = False,
        lease: Lease | None = None,
    ) -> Stream:
        """Decide one request, and give its answer as it comes.

        The decision is on disk when this returns, which is as soon as a part of a released answer
        may be given.

        Args:
            request: what :meth:`read` made of a body.
            request_id, probe, lease: as for :meth:`answer`.

        Raises:
            WireError: there will be no answer, and why.
        """
        judge = self.deployment.rules.judge
        if not (self.config.vote.live and request.n == 1 and reads_beginnings(judge)):
            return Stream(await self.answer(request, request_id, probe=probe, lease=lease))
        lease, live = lease or Quotas().admit(Client()), LiveAnswer(judge, self.pace)
        with self._telling(request_id):
            self.backoff.check(_who(lease))
            asking = self._asking(request, request_id, lease, probe)
            work = asyncio.create_task(self._decide(asking, True, None, live))
            self.pace.answers += 1
            work.add_done_callback(partial(self._ended, live, asking))
            try:
                if not await live.ready():
                    answered = await work
                    await self._conclude(asking, answered)
                    return Stream(answered)
                begun = self._answered(asking, live.begun)
                entry = await self._conclude(asking, begun)
            except BaseException:
                work.cancel()
                await asyncio.wait({work})
                raise
        return Stream(begun, live, work, partial(self._finish, begun, entry))

    async def _finish(self, begun: Answered, entry: Entry, ended: Answered) -> Answered:
        """What was counted of an answer that was given as it came.

        Raises:
            WireError: it did not come to its end.
        """
        whole = replace(begun, ballot=ended.ballot, spent=ended.spent)
        problem = BrokenOffError(whole) if whole.ballot.outcome == "undecided" else None
        spent = replace(
            entry,
            # The decision stays, whatever became of the answer's end.
            outcome=entry.outcome if problem else whole.ballot.outcome,
            calls=whole.ballot.decision.calls,
            prompt_tokens=storable(whole.spent.prompt),
            completion_tokens=storable(whole.spent.completion),
            estimated_tokens=storable(whole.spent.estimated),
        )
        try:
            await self.ledger.amend(spent, PUT_ON_RECORD)
        except LedgerError as error:  # that it was released is on record
            log.error(_line(entry.request_id, problem=str(error)))
        self.recent = deque(
            (spent if one.answer_id == spent.answer_id else one for one in self.recent), RECENT
        )
        self.metrics.tokens.labels("prompt").inc(spent.prompt_tokens - entry.prompt_tokens)
        written = spent.completion_tokens - entry.completion_tokens
        self.metrics.tokens.labels("completion").inc(written)
        if problem is not None:
            log.info(_line(entry.request_id, stream=problem.code))
            raise problem
        return whole

    def _asking(self, request: ChatRequest, request_id: str, lease: Lease, probe: bool) -> _Asking:
        """A request that may be voted on, with what it is likely to cost set aside.

        Raises:
            WireError: 429, where its client has not so much left.
        """
        lease.reserve(partial(likely_cost, request, self.deployment.rules.copies))
        return _Asking(request, request_id, lease, probe, Meter(self.upstream, self.traces))

    async def _conclude(self, asking: _Asking, answered: Answered) -> Entry:
        """Put a decision on record.

        Raises:
            WireError: it is not on record, or it is none.
        """
        self.backoff.note(_who(asking.lease), answered.ballot.outcome)
        left = max(self.config.vote.deadline - asking.seconds, 0.0)
        entry = await self._record(answered, asking.request_id, asking.probe, left + PUT_ON_RECORD)
        if answered.ballot.outcome == "undecided":
            raise UndecidedError(answered)
        return entry

    def _ended(self, live: LiveAnswer, asking: _Asking, _: asyncio.Task[Answered]) -> None:
        self.pace.answers -= 1
        live.end()
        asking.settle()

    @contextmanager
    def _telling(self, request_id: str) -> Iterator[None]:
        """Count and log a request that ends without an answer."""
        try:
            yield
        except UndecidedError:  # it is on record, and counted there
            raise
        except WireError as error:
            self.turn_away(error, request_id)
            raise
        except asyncio.CancelledError:
            self.metrics.requests.labels("gone").inc()
            raise

    def turn_away(self, error: WireError, request_id: str) -> None:
        """Count and log a chat request that gets an error for an answer."""
        self.metrics.requests.labels("failed" if error.status >= 500 else "rejected").inc()
        log.info(_line(request_id, status=error.status, code=error.code))

    async def _decide(
        self,
        asking: _Asking,
        answers: bool,
        watch: Watcher | None,
        live: LiveAnswer | None = None,
    ) -> Answered:
        with self.traces.vote(asking.lease.client.name) as trace:
            ballot = await self._ballot(asking, answers, watch, trace.watching(watch), live)
            trace.decided(ballot)
        return self._answered(asking, ballot)

    async def _ballot(
        self,
        asking: _Asking,
        answers: bool,
        watch: Watcher | None,
        heed: Watcher | None,
        live: LiveAnswer | None,
    ) -> Ballot:
        """A vote, or one that is remembered.

        Args:
            asking: what is asked.
            answers: whether the request is answered, or only decided.
            watch: who looks on.
            heed: whom the vote tells its steps: traces, and him.
            live: follows the answer while it is written.
        """
        request, probe, deadline = asking.request, asking.probe, self.config.vote.deadline
        watched = self.config.mode == "monitor"
        # Probes ask what the model does today, and never what it did.
        known = None if probe or watched else self.repeats.known(request)
        if known is not None:
            return known
        drawn = watched and self.repeats.share(request) < self.config.monitor.share
        async with self.admission.place(deadline):
            self.breaker.admit()
            matter = Matter(
                request,
                self.deployment.rules,
                asking.meter,
                seed=secrets.randbits(48) if probe else self.repeats.seed(request),
                request_id=asking.request_id,
                deadline=max(0.001, deadline - asking.seconds),
                on_call=lambda end: self.metrics.calls.labels(end).inc(),
                watch=heed,
                answers=answers,
                live=live,
            )
            if watched:
                return await watch_vote(matter, voted=probe or watch is not None or drawn)
            ballot = await hold_vote(matter)
        if not probe:
            self.repeats.remember(request, ballot)
        return ballot

    def _answered(self, asking: _Asking, ballot: Ballot) -> Answered:
        return Answered(
            id=f"chatcmpl-{secrets.token_hex(12)}",
            created=int(time.time()),
            request=asking.request,
            ballot=ballot,
            certificate=self.deployment.certificate,
            doubts=self.deployment.doubts(asking.request),
            defence=self.deployment.rules.name,
            refusal=self.config.vote.refusal,
            milliseconds=1000 * asking.seconds,
            spent=asking.meter.spent,
            key=asking.lease.client.name,
        )

    async def _record(
        self, answered: Answered, request_id: str, probe: bool, patience: float
    ) -> Entry:
        entry = entry_of(answered, request_id, self.salt, self.replica, probe=probe)
        try:
            await self._recorder.record(entry, patience)
        except LedgerError as error:
            log.error(_line(request_id, problem=str(error)))
            raise WireError(
                503, "the decision could not be put on record", "ledger_unavailable"
            ) from None
        # Once the answer is on its way: nothing of this is for the client to wait for.
        asyncio.get_running_loop().call_soon(self._note, answered, entry)
        return entry

    def _note(self, answered: Answered, entry: Entry) -> None:
        """What is told of a decision besides the ledger."""
        self.recent.append(entry)
        self._watch(entry)
        self.metrics.count(answered.ballot, entry)
        said = {"prompt": answered.request.texts} if self.config.log.prompts else {}
        log.info(
            _line(
                entry.request_id,
                outcome=entry.outcome,
                prompt_sha256=entry.prompt_sha256,
                prompt_characters=entry.prompt_characters,
                milliseconds=round(entry.milliseconds, 1),
                **said,
            )
        )

    def _watch(self, entry: Entry) -> None:
        if not entry.copies:  # answered without a vote
            return
        held = entry.certificate is not None and (
            entry.probe or self.config.drift.certified == "all"
        )
        # The upstream's own filter is a part of the target that the certificate speaks of.
        blocked = entry.outcome == "filtered" and 2 * entry.refused >= entry.copies
        outcome = "blocked" if blocked else entry.outcome
        self.drift.observe(
            Seen(entry.refused, entry.complied, entry.copies, outcome, certified=held)
        )

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests would be answered, and the state of what that takes."""
        drifted = bool(self.drift.alarms)
        checks = {
            "upstream": self.breaker.state != "open" and await self._reach.there(),
            "ledger": await self._recorder.works(),
        }
        if self.config.drift.not_ready:
            checks["drift"] = not drifted
        ready = all(checks.values())
        return ready, {
            "ready": ready,
            "checks": checks,
            "certificate": self.deployment.certificate,
            "differs": list(self.deployment.differs),
            "drifted": drifted,
            "alarms": self.drift.alarms,
            "drift": self.drift.to_dict(),
        }


def ledger_salt(config: GuardConfig) -> bytes:
    """For what the ledger keeps of prompts; a new one at each start where there is no secret."""
    return salt_of(_secret(config), secrets.token_bytes(32))


def _who(lease: Lease) -> str | None:
    """Whose refusals are counted; nobody's of an admin."""
    return None if lease.client.admin else lease.client.name


def _secret(config: GuardConfig) -> str:
    return os.environ.get(config.vote.secret_env, "").strip()


def _line(request_id: str, **facts: Any) -> str:
    return json.dumps({"request_id": request_id, **facts})
