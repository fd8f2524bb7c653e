"""Every model call, kept: a killed run continues and a repeated one calls nothing twice.

SQLite through the standard library, on purpose: one process writes one file on one machine, the
only query is by key, and WAL mode makes each reply durable against a killed process the moment it
is written. An ORM or a column store would add a dependency and, for Parquet, lose the append.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from interlock.certify.targets.identity import deciding
from interlock.certify.targets.protocol import (
    Identity,
    Message,
    OnReply,
    Prompt,
    Reply,
    Target,
)
from interlock.errors import OutputError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, identity TEXT NOT NULL, prompt TEXT NOT NULL, reply TEXT NOT NULL,
    made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, seal TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID
"""
_ROW = "key, identity, prompt, reply, seal"
_UNSEALED = ""
"""The seal of an earlier version's rows, which had none."""


class CallStore:
    """Replies by the hash of target, chat and seed, in one SQLite file.

    Args:
        path: the file; made when absent. ``":memory:"`` keeps nothing.

    Raises:
        OutputError: the file cannot be opened, or is no such store.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                self.path, timeout=30.0, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(_SCHEMA)
            columns = {row[1] for row in self._connection.execute("PRAGMA table_info(calls)")}
            if "seal" not in columns:
                self._connection.execute(
                    f"ALTER TABLE calls ADD COLUMN seal TEXT NOT NULL DEFAULT '{_UNSEALED}'"
                )
        except sqlite3.Error as error:
            raise OutputError(f"{path}: cannot be used as a store of calls ({error})") from None

    def get(self, key: str) -> Reply | None:
        """The stored reply, None where there is none."""
        rows = self._execute(f"SELECT {_ROW} FROM calls WHERE key = ?", (key,))
        return self._read(rows[0])[1] if rows else None

    def put(self, key: str, identity: Mapping[str, Any], prompt: Prompt, reply: Reply) -> None:
        """Keep a reply; on disk when this returns."""
        parts = (dict(identity), asdict(prompt), asdict(reply))
        row = (key, *(json.dumps(part) for part in parts))
        self._execute(
            f"INSERT OR REPLACE INTO calls ({_ROW}) VALUES (?, ?, ?, ?, ?)", (*row, _seal(row))
        )

    def __iter__(self) -> Iterator[tuple[Prompt, Reply]]:
        """All that was asked, with its reply, by key."""
        for row in self._execute(f"SELECT {_ROW} FROM calls ORDER BY key"):
            asked, reply = self._read(row)
            messages = tuple(Message(**message) for message in asked["messages"])
            yield Prompt(messages, asked["seed"], asked.get("wants", "answer")), reply

    def __len__(self) -> int:
        """Replies kept."""
        return int(self._execute("SELECT count(*) FROM calls")[0][0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, row: tuple[Any, ...]) -> tuple[dict[str, Any], Reply]:
        """What was asked, and the reply."""
        *values, seal = row
        try:
            if seal not in (_UNSEALED, _seal(values)):
                raise ValueError("its bytes are not those that were written")
            return json.loads(values[2]), Reply(**json.loads(values[3]))
        except (ValueError, TypeError):
            raise OutputError(
                f"{self.path}: a kept answer is damaged; remove the file, and all is asked again"
            ) from None

    def _execute(self, statement: str, values: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: the store of calls failed ({error})") from None


def _seal(values: Sequence[str]) -> str:
    return sha256(json.dumps(values).encode()).hexdigest()


class StoredTarget:
    """A target that remembers: it is asked only what the store does not hold.

    Lost replies are not kept, so that the next run asks again. Equal prompts with equal seeds are
    one call, also within one batch.
    """

    def __init__(self, target: Target, store: CallStore) -> None:
        self.target, self.store = target, store
        self.asked = 0
        """Calls passed on to the target."""
        self.remembered = 0
        """Calls answered from the store."""
        self.lost = 0
        """Calls that brought no answer."""
        self.first_lost = ""
        """Why the first of these did not."""

    @property
    def identity(self) -> Identity:
        """The identity of the target behind."""
        return self.target.identity

    def key(self, prompt: Prompt) -> str:
        """SHA-256 of all that the reply depends on."""
        parts: list[Any] = [deciding(self.identity), prompt.as_chat(), prompt.seed]
        parts += [prompt.wants] if prompt.wants != "answer" else []
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        """Answer each prompt, in order; each new reply is stored as it comes."""
        keys = [self.key(prompt) for prompt in prompts]
        known: dict[str, Reply] = {}
        places: dict[str, list[int]] = {}
        for number, key in enumerate(keys):
            places.setdefault(key, []).append(number)

        def settle(key: str, reply: Reply) -> None:
            known[key] = reply
            if on_reply is not None:
                for number in places[key]:
                    on_reply(number, reply)

        missing = []
        for key, numbers in places.items():
            reply = self.store.get(key)
            if reply is None:
                missing.append(key)
            else:
                self.remembered += len(numbers)
                settle(key, reply)

        def keep(number: int, reply: Reply) -> None:
            key = missing[number]
            self._keep(key, prompts[places[key][0]], reply)
            settle(key, reply)

        if missing:
            self.asked += len(missing)
            self.remembered += sum(len(places[key]) - 1 for key in missing)
            self.target.ask([prompts[places[key][0]] for key in missing], on_reply=keep)
        return [known[key] for key in keys]

    async def ask_async(self, prompt: Prompt) -> Reply:
        """Answer one prompt."""
        key = self.key(prompt)
        reply = self.store.get(key)
        if reply is not None:
            self.remembered += 1
            return reply
        self.asked += 1
        reply = await self.target.ask_async(prompt)
        self._keep(key, prompt, reply)
        return reply

    def _keep(self, key: str, prompt: Prompt, reply: Reply) -> None:
        if not reply.lost:
            self.store.put(key, self.identity, prompt, reply)
            return
        self.lost += 1
        self.first_lost = self.first_lost or reply.error or "lost"
