"""The ledger: every decision, on disk before its answer is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import (
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from interlock.serve.ledger_table import (
    ACKNOWLEDGED,
    DECISIONS,
    TRIES,
    Entry,
    EntryError,
    LedgerError,
    insert_new,
    open_database,
    short,
)

BATCH = 500
_FORGOTTEN = 200  # rows removed in one commit
_BREATH = 0.02  # seconds after it
# What says nothing of the rows that were to be stored: a full disk, a lost server, no permission.
_OF_THE_DATABASE = (OperationalError, InterfaceError, ProgrammingError, InternalError)


@dataclass(frozen=True)
class Retention:
    """Which decisions are kept."""

    days: float | None = None
    """Those that are not older; None for any."""
    rows: int | None = None
    """So many of the newest; None for all."""


class Ledger:
    """Decisions in a database.

    One thread writes; decisions that come while it commits share the next commit, so that the
    disk's latency bounds the latency, not the throughput.

    Args:
        url: SQLAlchemy address, SQLite or PostgreSQL.
        waiting: decisions not yet written at most.

    Raises:
        OptionError: no such kind of database.
        LedgerError: it cannot be opened.
    """

    def __init__(self, url: str, waiting: int = 10_000) -> None:
        self._limit = waiting
        self._engine = open_database(url)
        self._new = insert_new(self._engine)
        self.name = self._engine.url.render_as_string(hide_password=True)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="interlock-ledger")
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._pruner: asyncio.Task[None] | None = None
        self.retention = Retention()
        """What is kept; may be set anew at any time."""

    @property
    def waiting(self) -> int:
        """Decisions that are not on disk yet."""
        return len(self._waiting)

    async def record(self, entry: Entry, patience: float = 30.0) -> None:
        """Keep a decision; on disk when this returns.

        Args:
            entry: the decision.
            patience: seconds to wait for the disk.

        Raises:
            LedgerError: it could not be written, too many wait, or it is not written in time; it
                may still be, later.
        """
        if len(self._waiting) >= self._limit:
            raise LedgerError("the ledger is too slow; too many decisions wait")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        try:
            async with asyncio.timeout(patience):
                await done
        except TimeoutError:
            raise LedgerError(f"{self.name}: not written within {patience:.1f} s") from None

    async def amend(self, entry: Entry, patience: float = 30.0) -> None:
        """Correct a decision that is on record, when what it cost is known.

        Raises:
            LedgerError: it could not be written in time.
        """
        values = {k: v for k, v in vars(entry).items() if k != "answer_id"}
        change = DECISIONS.update().where(DECISIONS.c.answer_id == entry.answer_id)

        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(change.values(**values))

        try:
            async with asyncio.timeout(patience):
                await asyncio.get_running_loop().run_in_executor(self._thread, write)
        except TimeoutError:
            raise LedgerError(f"{self.name}: not written within {patience:.1f} s") from None
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {short(error)}") from None

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._waiting[:BATCH]
            entries = [entry for entry, _ in batch]
            problems = await loop.run_in_executor(self._thread, self._keep, entries)
            del self._waiting[: len(batch)]
            for (_, done), problem in zip(batch, problems, strict=True):
                if done.done():
                    continue
                if problem is None:
                    done.set_result(None)
                else:
                    done.set_exception(problem)

    def _keep(self, entries: Sequence[Entry]) -> list[LedgerError | None]:
        """For each decision why it is not on disk; None where it is."""
        try:
            self._insert(entries)
        except Exception as error:  # drivers raise more than they say; the writer must go on
            said = f"{self.name}: {short(error)}"
            if isinstance(error, _OF_THE_DATABASE):
                return [LedgerError(said)] * len(entries)
            if len(entries) == 1:
                return [EntryError(said)]
            # One that cannot be stored must not take its neighbours along.
            return [each for entry in entries for each in self._keep([entry])]
        return [None] * len(entries)

    def _insert(self, entries: Sequence[Entry]) -> None:
        rows = [vars(entry) for entry in entries]
        for left in reversed(range(TRIES)):
            try:
                with self._engine.begin() as connection:
                    # A commit whose confirmation was lost may be repeated without harm.
                    connection.execute(self._new, rows)
                return
            except SQLAlchemyError:
                if not left:
                    raise

    def read(
        self,
        *,
        since: datetime | None = None,
        outcome: str | None = None,
        certificate: str | None = None,
        request_id: str | None = None,
        key: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Entry]:
        """Decisions that fit, the newest first.

        Raises:
            LedgerError: the database cannot be read.
        """
        query = sa.select(DECISIONS).order_by(DECISIONS.c.time.desc(), DECISIONS.c.answer_id)
        wanted = {"outcome": outcome, "certificate": certificate, "request_id": request_id}
        wanted["key"] = key
        for name, value in wanted.items():
            if value is not None:
                query = query.where(DECISIONS.c[name] == value)
        if since is not None:
            query = query.where(DECISIONS.c.time >= since.astimezone(UTC))
        try:
            with self._engine.connect() as connection:
                result = connection.execution_options(yield_per=1000).execute(query.limit(limit))
                for row in result:
                    values = row._asdict()
                    time = values["time"]
                    values["time"] = time.replace(tzinfo=UTC) if time.tzinfo is None else time
                    yield Entry(**values)
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {short(error)}") from None

    async def recent(self, limit: int) -> list[Entry]:
        """The newest decisions, read without blocking the event loop."""
        return await asyncio.to_thread(lambda: list(self.read(limit=limit)))

    def keep_pruned(self, pause: float = 60.0, on_error: Callable[[str], object] = str) -> None:
        """Remove what :attr:`retention` does not keep, now and again, until the ledger is closed.

        A few rows at a time by the thread that writes, so that no decision waits long, nor for a
        lock.

        Args:
            pause: seconds between two looks.
            on_error: told in a line that it failed; it is tried again after a pause.
        """

        async def prune() -> None:
            while True:
                try:
                    await self._prune()
                except SQLAlchemyError as error:
                    on_error(f"{self.name}: old decisions cannot be removed ({short(error)})")
                await asyncio.sleep(pause)

        self._pruner = asyncio.create_task(prune())

    async def _prune(self) -> None:
        loop, now = asyncio.get_running_loop(), datetime.now(UTC)
        for doomed in await asyncio.to_thread(self._doomed, self.retention, now):
            while await loop.run_in_executor(self._thread, self._forget, doomed):
                await asyncio.sleep(_BREATH)

    def _doomed(self, retention: Retention, now: datetime) -> list[sa.ColumnElement[bool]]:
        """Conditions for rows that go."""
        time, answer_id = DECISIONS.c.time, DECISIONS.c.answer_id
        doomed: list[sa.ColumnElement[bool]] = []
        if retention.days is not None:
            doomed.append(time < now - timedelta(days=retention.days))
        if retention.rows is not None:
            newest = sa.select(time, answer_id).order_by(time.desc(), answer_id.desc())
            with self._engine.connect() as connection:
                first = connection.execute(newest.offset(retention.rows).limit(1)).first()
            if first is not None:  # by name where times are equal: replicas agree on what goes
                at, name = first
                doomed.append((time < at) | ((time == at) & (answer_id <= name)))
        return doomed

    def _forget(self, doomed: sa.ColumnElement[bool]) -> int:
        some = sa.select(DECISIONS.c.answer_id).where(doomed).order_by(DECISIONS.c.time)
        chosen = DECISIONS.c.answer_id.in_(some.limit(_FORGOTTEN).scalar_subquery())
        with self._engine.begin() as connection:
            return connection.execute(DECISIONS.delete().where(chosen)).rowcount

    async def acknowledge(self, time: datetime) -> None:
        """Put on record that drift alarms up to this time were taken note of.

        Raises:
            LedgerError: it cannot be written.
        """

        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(ACKNOWLEDGED.insert(), {"time": time})

        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, write)
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {short(error)}") from None

    async def acknowledged(self) -> datetime | None:
        """When drift alarms were last taken note of; None for never."""

        def read() -> datetime | None:
            with self._engine.connect() as connection:
                latest: datetime | None = connection.scalar(
                    sa.select(sa.func.max(ACKNOWLEDGED.c.time))
                )
            if latest is None or latest.tzinfo is not None:
                return latest
            return latest.replace(tzinfo=UTC)

        try:
            return await asyncio.to_thread(read)
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {short(error)}") from None

    async def aclose(self, patience: float = 5.0) -> None:
        """Write what waits, as far as that is done in time, and close."""
        if self._pruner is not None:
            self._pruner.cancel()
            await asyncio.wait({self._pruner})
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=patience)
            if not self._writer.done():  # nobody was answered on what is left
                self._thread.shutdown(wait=False, cancel_futures=True)
                return
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._thread.shutdown()
        self._engine.dispose()
