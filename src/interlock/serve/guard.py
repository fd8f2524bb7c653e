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
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from interlock.certify import Verdict
from interlock.serve.admission import Admission
from interlock.serve.answered import Answered, BrokenOffError, UndecidedError
from interlock.serve.breaker import Breaker, WatchedUpstream
from interlock.serve.chat import ChatRequest, read_object
from interlock.serve.deployment import Deployment
from interlock.serve.drift import DriftWatch, Seen
from interlock.serve.ledger import Entry, EntryError, Ledger, LedgerError
from interlock.serve.live import LiveAnswer, Pace, reads_beginnings
from interlock.serve.metrics import Metrics, add_gauges
from interlock.serve.monitor import watch_vote
from interlock.serve.policy import check
from interlock.serve.repeats import Backoff, Repeats, secret_of
from interlock.serve.settings import GuardConfig
from interlock.serve.stream import Stream
from interlock.serve.upstream import LostError
from interlock.serve.vote import Ballot, Watcher, hold_vote
from interlock.serve.wire_error import WireError

log = logging.getLogger("interlock.guard")
RECENT = 500
"""Decisions kept in memory for the page."""
PUT_ON_RECORD = 5.0
"""Seconds beyond the deadline of a request that putting its decision on record may take."""
_REACHED = 5.0  # seconds for which the answer to "is the upstream there?" holds


class Guard:
    """Answers chat requests by votes.

    Args:
        config: the settings.
        deployment: what they name, opened and checked.
        ledger: where decisions go.
    """

    def __init__(self, config: GuardConfig, deployment: Deployment, ledger: Ledger) -> None:
        self.config, self.deployment, self.ledger = config, deployment, ledger
        self.metrics = Metrics()
        self.breaker = Breaker(config.breaker.failures, config.breaker.pause)
        self.admission = Admission(config.limits.active, config.limits.queue)
        self.upstream = WatchedUpstream(deployment.upstream, self.breaker)
        self.drift = DriftWatch.of(config.drift.confidence, deployment.card, config.drift.expected)
        self.recent: deque[Entry] = deque(maxlen=RECENT)
        self.replica = f"{socket.gethostname()}:{os.getpid()}"
        self.started = datetime.now(UTC)
        self.ledger_works = True
        self._reached: tuple[float, bool] | None = None
        self._unrecorded: Entry | None = None
        self._checking: asyncio.Task[None] | None = None
        secret = os.environ.get(config.vote.secret_env, "").strip()
        key = secret_of(secret, config.seed, secrets.token_bytes(32))
        self.repeats = Repeats(key, config.vote.remember)
        self.pace = Pace()
        self.backoff = Backoff(config.limits.refusals, config.limits.refusals_pause)
        add_gauges(self.metrics, self.admission, ledger, self.breaker, self.drift)

    async def start(self) -> None:
        """Take up where the ledger ends: recent decisions, and the drift test on them."""
        judge = self.deployment.rules.judge
        if reads_beginnings(judge):
            judge([""], ["Sure, here is how."])  # its patterns take a while the first time
        kept = await self.ledger.recent(10 * RECENT)
        acknowledged = await self.ledger.acknowledged()
        for entry in reversed(kept):
            self.recent.append(entry)
            later = acknowledged is None or entry.time > acknowledged
            if later and entry.certificate == self.deployment.certificate:
                self._watch(entry)

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

    def read(self, body: Any) -> ChatRequest:
        """A chat request of this guard's policies and limits.

        Args:
            body: of ``POST /v1/chat/completions``, parsed.

        Raises:
            WireError: it may not be voted on, and why.
        """
        request = ChatRequest.of(body, self.config.policy)
        check(request, self.config, self.deployment)
        return request

    async def answer(
        self,
        content: bytes | ChatRequest,
        request_id: str,
        *,
        probe: bool = False,
        who: str | None = None,
        answers: bool = True,
        watch: Watcher | None = None,
    ) -> Answered:
        """Decide one request; the decision is on disk when this returns.

        Args:
            content: body of ``POST /v1/chat/completions``, or what :meth:`read` made of it.
            request_id: told upstream and kept in the ledger.
            probe: whether the request is one, see :mod:`interlock.serve.drift`.
            who: the client, for its pauses; None for nobody in particular.
            answers: whether the request is answered, or only decided.
            watch: told each step of the vote.

        Raises:
            WireError: there will be no answer, and why.
        """
        arrived = time.perf_counter()
        with self._telling(request_id):
            self.backoff.check(who)
            request = self.read(read_object(content)) if isinstance(content, bytes) else content
            answered = await self._decide(request, request_id, arrived, probe, answers, watch)
            await self._conclude(answered, request_id, arrived, probe, who)
        return answered

    async def stream(
        self, request: ChatRequest, request_id: str, *, probe: bool = False, who: str | None = None
    ) -> Stream:
        """Decide one request, and give its answer as it comes.

        The decision is on disk when this returns, which is as soon as a part of a released answer
        may be given.

        Args:
            request: what :meth:`read` made of a body.
            request_id, probe, who: as for :meth:`answer`.

        Raises:
            WireError: there will be no answer, and why.
        """
        judge = self.deployment.rules.judge
        if not (self.config.vote.live and request.n == 1 and reads_beginnings(judge)):
            return Stream(await self.answer(request, request_id, probe=probe, who=who))
        arrived = time.perf_counter()
        live = LiveAnswer(judge, self.pace)
        with self._telling(request_id):
            self.backoff.check(who)
            work = asyncio.create_task(
                self._decide(request, request_id, arrived, probe, True, None, live)
            )
            self.pace.answers += 1
            work.add_done_callback(partial(self._ended, live))
            try:
                if not await live.ready():
                    answered = await work
                    await self._conclude(answered, request_id, arrived, probe, who)
                    return Stream(answered)
                begun = self._answered(request, live.begun, arrived)
                entry = await self._conclude(begun, request_id, arrived, probe, who)
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
        whole = replace(begun, ballot=ended.ballot)
        problem = BrokenOffError(whole) if whole.ballot.outcome == "undecided" else None
        spent = replace(
            entry,
            # The decision stays, whatever became of the answer's end.
            outcome=entry.outcome if problem else whole.ballot.outcome,
            calls=whole.ballot.decision.calls,
            prompt_tokens=_storable(whole.usage["prompt_tokens"]),
            completion_tokens=_storable(whole.usage["completion_tokens"]),
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

    async def _conclude(
        self, answered: Answered, request_id: str, arrived: float, probe: bool, who: str | None
    ) -> Entry:
        """Put a decision on record.

        Raises:
            WireError: it is not on record, or it is none.
        """
        self.backoff.note(who, answered.ballot.outcome)
        left = self.config.vote.deadline - (time.perf_counter() - arrived)
        entry = await self._record(answered, request_id, probe, max(left, 0.0) + PUT_ON_RECORD)
        if answered.ballot.outcome == "undecided":
            raise UndecidedError(answered)
        return entry

    def _ended(self, live: LiveAnswer, _: asyncio.Task[Answered]) -> None:
        self.pace.answers -= 1
        live.end()

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
        request: ChatRequest,
        request_id: str,
        arrived: float,
        probe: bool,
        answers: bool,
        watch: Watcher | None,
        live: LiveAnswer | None = None,
    ) -> Answered:
        deadline = self.config.vote.deadline
        watched = self.config.mode == "monitor"
        # Probes ask what the model does today, and never what it did.
        ballot = None if probe or watched else self.repeats.known(request)
        if ballot is None:
            hold: Any = partial(hold_vote, live=live)
            if watched:
                drawn = self.repeats.share(request) < self.config.monitor.share
                hold = partial(watch_vote, voted=probe or watch is not None or drawn)
            async with self.admission.place(deadline):
                self.breaker.admit()
                ballot = await hold(
                    request,
                    self.deployment.rules,
                    self.upstream,
                    seed=secrets.randbits(48) if probe else self.repeats.seed(request),
                    request_id=request_id,
                    deadline=max(0.001, deadline - (time.perf_counter() - arrived)),
                    on_call=lambda end: self.metrics.calls.labels(end).inc(),
                    watch=watch,
                    answers=answers,
                )
            if not (probe or watched):
                self.repeats.remember(request, ballot)
        return self._answered(request, ballot, arrived)

    def _answered(self, request: ChatRequest, ballot: Ballot, arrived: float) -> Answered:
        return Answered(
            id=f"chatcmpl-{secrets.token_hex(12)}",
            created=int(time.time()),
            request=request,
            ballot=ballot,
            certificate=self.deployment.certificate,
            doubts=self.deployment.doubts(request),
            defence=self.deployment.rules.name,
            refusal=self.config.vote.refusal,
            milliseconds=1000 * (time.perf_counter() - arrived),
        )

    async def _record(
        self, answered: Answered, request_id: str, probe: bool, patience: float
    ) -> Entry:
        entry = self._entry(answered, request_id, probe)
        try:
            await self.ledger.record(entry, patience)
        except LedgerError as error:
            if not isinstance(error, EntryError):
                self.ledger_works, self._unrecorded = False, entry
            log.error(_line(request_id, problem=str(error)))
            raise WireError(
                503, "the decision could not be put on record", "ledger_unavailable"
            ) from None
        self.ledger_works = True
        # Once the answer is on its way: nothing of this is for the client to wait for.
        asyncio.get_running_loop().call_soon(self._note, answered, entry)
        return entry

    def _note(self, answered: Answered, entry: Entry) -> None:
        """What is told of a decision besides the ledger."""
        self.recent.append(entry)
        self._watch(entry)
        self._count(answered.ballot, entry)
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

    def _entry(self, answered: Answered, request_id: str, probe: bool) -> Entry:
        decision, usage = answered.ballot.decision, answered.usage
        return Entry(
            answer_id=answered.id,
            request_id=request_id,
            time=datetime.now(UTC),
            prompt_sha256=answered.request.digest,
            prompt_characters=answered.request.characters,
            model=answered.request.model,
            outcome=answered.ballot.outcome,
            complied=decision.count(Verdict.COMPLIED),
            refused=decision.count(Verdict.REFUSED),
            lost=decision.count(Verdict.LOST),
            cancelled=decision.cancelled,
            copies=decision.copies,
            calls=decision.calls,
            seed=decision.seed,
            certificate=answered.certificate if not answered.doubts else None,
            milliseconds=answered.milliseconds,
            prompt_tokens=_storable(usage["prompt_tokens"]),
            completion_tokens=_storable(usage["completion_tokens"]),
            probe=probe,
            replica=self.replica,
            defence=answered.defence,
            stage=answered.ballot.stage or None,
            mode=answered.mode,
            would=answered.ballot.would,
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

    def _count(self, ballot: Ballot, entry: Entry) -> None:
        metrics = self.metrics
        metrics.requests.labels(entry.outcome).inc()
        metrics.decided.labels(entry.defence, entry.stage or "none", entry.outcome).inc()
        if ballot.watched:
            metrics.watched.labels(ballot.would or "not voted on").inc()
        metrics.seconds.observe(entry.milliseconds / 1000)
        for verdict in Verdict:
            metrics.votes.labels(verdict.value).inc(ballot.decision.count(verdict))
        metrics.saved.inc(ballot.decision.saved)
        metrics.tokens.labels("prompt").inc(entry.prompt_tokens)
        metrics.tokens.labels("completion").inc(entry.completion_tokens)

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests would be answered, and the state of what that takes."""
        drifted = bool(self.drift.alarms)
        checks = {
            "upstream": self.breaker.state != "open" and await self._reach(),
            "ledger": await self._ledger_writes(),
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

    async def _ledger_writes(self) -> bool:
        """After a failure, whether it works again: without requests nobody else would find out.

        What is tried is the decision that it could not take, which nobody was told.
        """
        if not self.ledger_works:
            if self._checking is None or self._checking.done():
                self._checking = asyncio.create_task(self._check_ledger())
            await asyncio.wait({self._checking}, timeout=1.0)
        return self.ledger_works

    async def _check_ledger(self) -> None:
        if self._unrecorded is None:
            return
        try:
            await self.ledger.record(self._unrecorded, PUT_ON_RECORD)
        except LedgerError:
            return
        self.ledger_works = True

    async def _reach(self) -> bool:
        now = time.monotonic()
        if self._reached is None or now > self._reached[0] + _REACHED:
            try:
                await self.upstream.models()
                there = True
            except LostError as error:
                there = error.status is not None  # it speaks, though it lists no models
            self._reached = now, there
        return self._reached[1]


def _storable(count: int) -> int:
    """What an upstream claims to have counted, within a column's range."""
    return min(max(count, 0), 2**53)


def _line(request_id: str, **facts: Any) -> str:
    return json.dumps({"request_id": request_id, **facts})
