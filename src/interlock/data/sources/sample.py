"""One data item that is not read yet, and what gives many of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from interlock.errors import DataError, ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

Label = str | int | None
"""A class name, a class index, or None where an item has no label."""


class Origin(Protocol):
    """Where the bytes of one item lie: small, picklable, and opened by whoever reads it."""

    def fetch(self) -> bytes:
        """Read them.

        Raises:
            DataError: they are not there any more; one line.
        """


@dataclass(frozen=True)
class Sample:
    """One data item, not read and not decoded. It holds an origin, never the bytes."""

    id: str
    """Stable and unique inside its source: a relative path, a row number, a tar key."""
    label: Label
    """As the source gives it."""
    source: str
    """Path of the source, for errors."""
    origin: Origin = field(repr=False)

    @property
    def name(self) -> str:
        """Source and id, as errors name it."""
        return f"{self.source}: {self.id}"

    def data(self) -> bytes:
        """The stored bytes, not decoded.

        Raises:
            ImageError: they cannot be read.
        """
        try:
            return self.origin.fetch()
        except DataError as error:
            raise ImageError(f"{self.name}: cannot be read ({error})") from None

    def read(self) -> Image:
        """The image as 8-bit RGB, upright, as ``interlock.data.read_image``.

        Raises:
            ImageError: it cannot be read or decoded. Other samples are not affected.
        """
        from interlock.data.images import decode_image

        return decode_image(self.data(), self.name)

    def digest(self) -> str:
        """SHA-256 of the stored bytes, in hexadecimal: identifies the item wherever it lies.

        Raises:
            ImageError: the bytes cannot be read.
        """
        return sha256(self.data()).hexdigest()


class Source(ABC):
    """Samples in an order that never changes; names and origins are held, pixels never."""

    _classes: tuple[str, ...] | None = None

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Class names in the order of class indices, where the source knows them."""
        return self._classes

    @abstractmethod
    def __len__(self) -> int:
        """How many there are; one counting pass where the format does not say."""

    @abstractmethod
    def sample(self, index: int) -> Sample:
        """The sample at a position, 0 first.

        Raises:
            IndexError: there is none.
        """

    def __iter__(self) -> Iterator[Sample]:
        return (self.sample(k) for k in range(len(self)))


def check_index(index: int, count: int) -> None:
    """Raise IndexError unless ``0 <= index < count``."""
    if not 0 <= index < count:
        raise IndexError(f"sample {index} of {count}")
