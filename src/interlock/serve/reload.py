"""Settings read again while the guard runs: all that may change at once, or nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from interlock.errors import ConfigError, InterlockError
from interlock.serve.access import check_tls, open_keys
from interlock.serve.guard import Guard
from interlock.serve.keys import KeyRing
from interlock.serve.settings import GuardConfig

log = logging.getLogger("interlock.guard")
CHANGEABLE = (
    "policy", "keys", "auth.keys_file", "auth.admin_keys_file",
    "limits.request_bytes", "limits.messages", "limits.user_characters", "limits.active",
    "limits.queue", "limits.refusals", "limits.refusals_pause", "limits.requests_per_minute",
    "limits.tokens_per_minute", "vote.deadline", "vote.head", "vote.refusal",
    "ledger.max_days", "ledger.max_rows", "drift.not_ready", "log",
)  # fmt: skip
"""Settings, and sections of them, that may change; all others stay until the guard is restarted."""


class Reloader:
    """Takes up other settings where they are right, and says so in the log.

    Args:
        guard: running.
        keys: its clients' ring.
        admin_keys: its admins'.
        read: the settings as they are now.
        renew: told settings whose certificate of TLS is to be served from now on.
    """

    def __init__(
        self,
        guard: Guard,
        keys: KeyRing,
        admin_keys: KeyRing,
        read: Callable[[], GuardConfig],
        renew: Callable[[GuardConfig], None] = lambda _: None,
    ) -> None:
        self.guard, self._keys, self._admin_keys, self._read = guard, keys, admin_keys, read
        self._renew = renew
        self._asked = 0
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Read the settings again, soon; once more where that is asked in the meantime."""
        self._asked += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._until_read())

    async def _until_read(self) -> None:
        done = 0
        while done < self._asked:
            done = self._asked
            await self.reload()

    async def reload(self) -> bool:
        """Whether other settings are taken up; where one is wrong all stay as they are."""
        try:
            config, keys, admin_keys = await asyncio.to_thread(self._opened)
            self._renew(config)
        except Exception as error:  # whatever it is, the guard goes on
            lines = getattr(error, "lines", (error,))
            known = isinstance(error, InterlockError)
            said = "; ".join(map(str, lines)) if known else type(error).__name__
            log.error(
                json.dumps({"problem": f"settings not read again, the old ones stay: {said}"})
            )
            return False
        # Here no request comes in between: they see the old settings, or the new ones.
        self._keys.take_over(keys)
        self._admin_keys.take_over(admin_keys)
        self.guard.take_up(config)
        log.setLevel(config.log.level.upper())
        log.info(json.dumps({"message": "settings read again"}))
        return True

    def _opened(self) -> tuple[GuardConfig, KeyRing, KeyRing]:
        config = self._read()
        fixed = [
            f"{name}: cannot change while the guard runs; restart it"
            for name in differences(self.guard.config, config)
            if not any(name == one or name.startswith(f"{one}.") for one in CHANGEABLE)
        ]
        if fixed:
            raise ConfigError(tuple(fixed))
        check_tls(config)  # the files may hold another one than before
        keys, admin_keys = open_keys(config, self.guard.salt)
        for name, before, after in (
            ("keys", self._keys, keys),
            ("admin keys", self._admin_keys, admin_keys),
        ):
            if bool(before) != bool(after):
                raise ConfigError(
                    (f"{name}: from some to none, or none to some, takes a restart of the guard",)
                )
        return config, keys, admin_keys


def differences(old: BaseModel, new: BaseModel, prefix: str = "") -> Iterator[str]:
    """Names of the settings that differ, with their sections."""
    for name in type(old).model_fields:
        one, other = getattr(old, name), getattr(new, name)
        if isinstance(one, BaseModel) and isinstance(other, BaseModel):
            yield from differences(one, other, f"{prefix}{name}.")
        elif one != other:
            yield f"{prefix}{name}"
