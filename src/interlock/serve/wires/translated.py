"""What reading another protocol takes: objects whose every key is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interlock.serve.wire_error import bad_request


class Given:
    """An object of a request, taken key by key; what is not taken is an error.

    Args:
        value: the object.
        where: it stands; empty for the body.

    Raises:
        WireError: 400, where it is no object.
    """

    def __init__(self, value: Any, where: str = "") -> None:
        if not isinstance(value, Mapping):
            raise bad_request("give an object", where or None)
        self._left, self._where = dict(value), where

    def where(self, key: str) -> str:
        """The name of a key for an error."""
        return f"{self._where}.{key}" if self._where else key

    def take(self, key: str) -> Any:
        """A value that is used; None where it is absent."""
        return self._left.pop(key, None)

    def drop(self, *keys: str) -> None:
        """Values that are taken and not sent on."""
        for key in keys:
            self._left.pop(key, None)

    def refuse(self, why: str, *keys: str) -> None:
        """Keys that this guard cannot do.

        Raises:
            WireError: 400, where one has a value that asks for something.
        """
        for key in keys:
            if self._left.pop(key, None) not in (None, False, [], {}):
                raise bad_request(why, self.where(key), "unsupported")

    def renamed(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Values under other names; those that are absent stay so."""
        taken = {new: self.take(old) for old, new in names.items()}
        return {name: value for name, value in taken.items() if value is not None}

    def end(self) -> None:
        """Nothing may be left.

        Raises:
            WireError: 400, naming a key that nobody took.
        """
        for key in self._left:
            raise bad_request(
                f"the key {key!r} is none that this guard knows there",
                self.where(key),
                "unknown_key",
            )


def listed(value: Any, where: str) -> Sequence[Any]:
    """A list.

    Raises:
        WireError: 400, where it is none.
    """
    if not isinstance(value, list):
        raise bad_request("give a list", where)
    return value


def same(*names: str) -> dict[str, str]:
    """Names that are alike in both protocols."""
    return {name: name for name in names}
