"""The ledger: every decision, on disk before its answer is sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, Field, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from interlock.errors import InterlockError, OptionError

BATCH = 500
_FORGOTTEN = 200  # rows removed in one commit
_BREATH = 0.02  # seconds after it
_TRIES = 3
_ADDRESSES = "sqlite:///file or postgresql+psycopg://user:password@host/database"
# What says nothing of the rows that were to be stored: a full disk, a lost server, no permission.
_OF_THE_DATABASE = (OperationalError, InterfaceError, ProgrammingError, InternalError)


class LedgerError(InterlockError):
    """The ledger cannot be opened, read or written."""


class EntryError(LedgerError):
    """This one decision cannot be stored; others can."""


@dataclass(frozen=True)
class Entry:
    """One decision. No text of prompt or answer is kept."""

    answer_id: str
    """Of the completion; unique."""
    request_id: str
    """``x-request-id``."""
    time: datetime
    """UTC, when the decision fell."""
    prompt_sha256: str
    """HMAC-SHA256 of what was voted on, under the guard's secret: equal for equal prompts, and no
    help to who guesses at them."""
    prompt_characters: int
    """Code points that the user wrote."""
    model: str
    outcome: str
    """``released``, ``blocked``, ``undecided`` or ``filtered``."""
    complied: int
    """Votes to release."""
    refused: int
    """Votes to refuse."""
    lost: int
    """Copies without a verdict: votes against."""
    cancelled: int
    """Copies under way when the decision fell."""
    copies: int
    """N."""
    calls: int
    """Of the upstream, retries included."""
    seed: int
    certificate: str | None
    """Id of the certificate; None where none applied."""
    milliseconds: float
    """From arrival to decision."""
    prompt_tokens: int
    """Of all calls; of those that told no count, as estimated."""
    completion_tokens: int
    probe: bool
    """Whether the request called itself a probe."""
    replica: str
    """The process that decided."""
    defence: str | None = None
    """What it was put to; None in rows of before there was a choice, as the three after it."""
    stage: str | None = None
    """The stage of it that decided."""
    mode: str | None = None
    """``guard``, or ``monitor``: the vote was only watched, and the answer given."""
    would: str | None = None
    """What a guard would have made of a watched request; None where it was not voted on."""
    key: str | None = None
    """Name of the client's key; None without keys."""
    estimated_tokens: int = 0
    """How many of the tokens no upstream counted."""


_KINDS: dict[str, Any] = {
    "str": sa.Text,
    "str | None": sa.Text,
    "int": sa.BigInteger,
    "float": sa.Double,
    "bool": sa.Boolean,
    "datetime": sa.DateTime(timezone=True),
}


def _default(field: Field[Any]) -> Any:
    """For rows of before there was the column."""
    given = field.default
    if given is MISSING or given is None:
        return None
    if isinstance(given, bool):
        return sa.true() if given else sa.false()
    return given if isinstance(given, str) else sa.text(repr(given))


_metadata = sa.MetaData()
_decisions = sa.Table(
    "interlock_decisions",
    _metadata,
    *(
        sa.Column(
            field.name,
            _KINDS[str(field.type)],
            primary_key=field.name == "answer_id",
            nullable="None" in str(field.type),
            index=field.name in ("time", "request_id", "certificate"),
            server_default=_default(field),
        )
        for field in fields(Entry)
    ),
)


_acknowledged = sa.Table(
    "interlock_acknowledgements",
    _metadata,
    sa.Column("time", sa.DateTime(timezone=True), primary_key=True),
)


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
        self._engine = _open(url)
        self._new = _insert_new(self._engine)
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
        change = _decisions.update().where(_decisions.c.answer_id == entry.answer_id)

        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(change.values(**values))

        try:
            async with asyncio.timeout(patience):
                await asyncio.get_running_loop().run_in_executor(self._thread, write)
        except TimeoutError:
            raise LedgerError(f"{self.name}: not written within {patience:.1f} s") from None
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {_short(error)}") from None

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
            said = f"{self.name}: {_short(error)}"
            if isinstance(error, _OF_THE_DATABASE):
                return [LedgerError(said)] * len(entries)
            if len(entries) == 1:
                return [EntryError(said)]
            # One that cannot be stored must not take its neighbours along.
            return [each for entry in entries for each in self._keep([entry])]
        return [None] * len(entries)

    def _insert(self, entries: Sequence[Entry]) -> None:
        rows = [vars(entry) for entry in entries]
        for left in reversed(range(_TRIES)):
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
        query = sa.select(_decisions).order_by(_decisions.c.time.desc(), _decisions.c.answer_id)
        wanted = {"outcome": outcome, "certificate": certificate, "request_id": request_id}
        wanted["key"] = key
        for name, value in wanted.items():
            if value is not None:
                query = query.where(_decisions.c[name] == value)
        if since is not None:
            query = query.where(_decisions.c.time >= since.astimezone(UTC))
        try:
            with self._engine.connect() as connection:
                result = connection.execution_options(yield_per=1000).execute(query.limit(limit))
                for row in result:
                    values = row._asdict()
                    time = values["time"]
                    values["time"] = time.replace(tzinfo=UTC) if time.tzinfo is None else time
                    yield Entry(**values)
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {_short(error)}") from None

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
                    on_error(f"{self.name}: old decisions cannot be removed ({_short(error)})")
                await asyncio.sleep(pause)

        self._pruner = asyncio.create_task(prune())

    async def _prune(self) -> None:
        loop, now = asyncio.get_running_loop(), datetime.now(UTC)
        for doomed in await asyncio.to_thread(self._doomed, self.retention, now):
            while await loop.run_in_executor(self._thread, self._forget, doomed):
                await asyncio.sleep(_BREATH)

    def _doomed(self, retention: Retention, now: datetime) -> list[sa.ColumnElement[bool]]:
        """Conditions for rows that go."""
        time, answer_id = _decisions.c.time, _decisions.c.answer_id
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
        some = sa.select(_decisions.c.answer_id).where(doomed).order_by(_decisions.c.time)
        chosen = _decisions.c.answer_id.in_(some.limit(_FORGOTTEN).scalar_subquery())
        with self._engine.begin() as connection:
            return connection.execute(_decisions.delete().where(chosen)).rowcount

    async def acknowledge(self, time: datetime) -> None:
        """Put on record that drift alarms up to this time were taken note of.

        Raises:
            LedgerError: it cannot be written.
        """

        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(_acknowledged.insert(), {"time": time})

        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, write)
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {_short(error)}") from None

    async def acknowledged(self) -> datetime | None:
        """When drift alarms were last taken note of; None for never."""

        def read() -> datetime | None:
            with self._engine.connect() as connection:
                latest: datetime | None = connection.scalar(
                    sa.select(sa.func.max(_acknowledged.c.time))
                )
            if latest is None or latest.tzinfo is not None:
                return latest
            return latest.replace(tzinfo=UTC)

        try:
            return await asyncio.to_thread(read)
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {_short(error)}") from None

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


def check_address(url: str) -> None:
    """Whether a ledger could be there; nothing is opened or made.

    Raises:
        OptionError: it is no address of one.
        LedgerError: the driver is missing, or SQLite's folder.
    """
    engine = _engine(url)
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file:
        folder = Path(file).parent
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise LedgerError(f"{file}: there is no folder {folder} that can be written to")


def _engine(url: str) -> Engine:
    kind = url.partition("@")[0].partition("://")[0].partition("+")[0]
    if kind not in ("sqlite", "postgresql"):
        raise OptionError(
            f"ledger: {kind!r} is not supported; give an address such as {_ADDRESSES}"
        )
    try:
        return sa.create_engine(url, pool_pre_ping=True, connect_args=_connect_options(url))
    except (ArgumentError, NoSuchModuleError, ValueError):  # ValueError: a port that is no number
        raise OptionError(f"ledger: no address of {kind}; give one such as {_ADDRESSES}") from None
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"the ledger needs {error.name}; install it with: pip install 'interlock[postgres]'"
        ) from None


def _open(url: str) -> Engine:
    engine = _engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _durable_sqlite)
    for left in reversed(range(_TRIES)):
        try:
            _metadata.create_all(engine)
            _add_columns(engine)
            with engine.connect() as connection:  # a table of that name may be something else's
                connection.execute(sa.select(_decisions).limit(0))
            break
        except SQLAlchemyError as error:  # two replicas may make the table at the same time
            if not left:
                shown = engine.url.render_as_string(hide_password=True)
                raise LedgerError(f"{shown}: cannot be opened ({_short(error)})") from None
    return engine


def _add_columns(engine: Engine) -> None:
    """Those that a table of an older guard lacks; two replicas may do so at the same time."""
    there = {column["name"] for column in sa.inspect(engine).get_columns(_decisions.name)}
    missing = [column for column in _decisions.columns if column.name not in there]
    if not all(column.nullable or column.server_default is not None for column in missing):
        return  # something else's
    with engine.begin() as connection:
        for column in missing:
            made = sa.schema.CreateColumn(column).compile(dialect=engine.dialect)
            connection.execute(sa.text(f"ALTER TABLE {_decisions.name} ADD COLUMN {made}"))


def _connect_options(url: str) -> dict[str, str | int]:
    """libpq's own limits, for a server or a network that no longer answers; the address wins."""
    address = sa.make_url(url)
    if address.get_backend_name() != "postgresql":
        return {}
    options = {"connect_timeout": 5, "tcp_user_timeout": 10_000, "keepalives_idle": 10}
    options |= {"keepalives_interval": 5, "keepalives_count": 2}
    return {name: value for name, value in options.items() if name not in address.query}


def _durable_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # survives a power cut, not only a killed process
    cursor.close()


def _insert_new(engine: Engine) -> Any:
    dialect = sqlite if engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(_decisions).on_conflict_do_nothing(index_elements=["answer_id"])


def _short(error: Exception) -> str:
    """The driver's own line; SQLAlchemy's would show the row."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
