"""What a ledger's rows hold, and the database that they are in."""

from __future__ import annotations

import os
from dataclasses import MISSING, Field, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from interlock.errors import InterlockError, OptionError

TRIES = 3
"""Of whatever two processes may do to the database at the same time."""
_ADDRESSES = "sqlite:///file or postgresql+psycopg://user:password@host/database"


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
DECISIONS = sa.Table(
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


ACKNOWLEDGED = sa.Table(
    "interlock_acknowledgements",
    _metadata,
    sa.Column("time", sa.DateTime(timezone=True), primary_key=True),
)


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


def open_database(url: str) -> Engine:
    """With its tables, made or brought up to date.

    Raises:
        OptionError: no such kind of database.
        LedgerError: it cannot be opened.
    """
    engine = _engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _durable_sqlite)
    for left in reversed(range(TRIES)):
        try:
            _metadata.create_all(engine)
            _add_columns(engine)
            with engine.connect() as connection:  # a table of that name may be something else's
                connection.execute(sa.select(DECISIONS).limit(0))
            break
        except SQLAlchemyError as error:  # two replicas may make the table at the same time
            if not left:
                shown = engine.url.render_as_string(hide_password=True)
                raise LedgerError(f"{shown}: cannot be opened ({short(error)})") from None
    return engine


def _add_columns(engine: Engine) -> None:
    """Those that a table of an older guard lacks; two replicas may do so at the same time."""
    there = {column["name"] for column in sa.inspect(engine).get_columns(DECISIONS.name)}
    missing = [column for column in DECISIONS.columns if column.name not in there]
    if not all(column.nullable or column.server_default is not None for column in missing):
        return  # something else's
    with engine.begin() as connection:
        for column in missing:
            made = sa.schema.CreateColumn(column).compile(dialect=engine.dialect)
            connection.execute(sa.text(f"ALTER TABLE {DECISIONS.name} ADD COLUMN {made}"))


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


def insert_new(engine: Engine) -> Any:
    """A statement that adds decisions, and leaves those that are there."""
    dialect = sqlite if engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(DECISIONS).on_conflict_do_nothing(index_elements=["answer_id"])


def short(error: Exception) -> str:
    """The driver's own line; SQLAlchemy's would show the row."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
